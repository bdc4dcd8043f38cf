// Says on the page what django-allauth's script would say in the console alone.
"use strict";

document.addEventListener("allauth.error", (event) => {
    event.preventDefault();
    document.getElementById("passkey-refused").hidden = false;
});
