// Light or dark by the reader's choice, before anything is drawn. It is kept where the admin keeps its own: one choice for all.
"use strict";

const KEPT_AS = "adminTheme";

function chosenTheme() {
    try {
        return JSON.parse(localStorage.getItem(KEPT_AS)) ?? "auto";
    } catch {
        return "auto";
    }
}

function wear(theme) {
    document.documentElement.dataset.theme = theme;
    const choice = document.getElementById("theme");
    if (choice) choice.value = theme;
}

wear(chosenTheme());
addEventListener("storage", () => wear(chosenTheme()));
addEventListener("DOMContentLoaded", () => {
    wear(chosenTheme());
    document.querySelector(".theme").hidden = false;
    document.getElementById("theme").addEventListener("change", (event) => {
        localStorage.setItem(KEPT_AS, JSON.stringify(event.target.value));
        wear(event.target.value);
    });
});
