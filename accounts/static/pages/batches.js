// While a batch is on its way, its row is kept as it is now: the page is asked for again, and its table takes the old one's place.
"use strict";
const PAUSE = 3000;
const table = () => document.getElementById("batches");
// Who has come to a link in it by the keyboard is not to lose the place.
const inUse = () => table().contains(document.activeElement);

async function look() {
    try {
        const answer = document.hidden || inUse() ? null : await fetch(location.href);
        if (answer && answer.ok && !answer.redirected) {
            const page = new DOMParser().parseFromString(await answer.text(), "text/html");
            const now = page.getElementById("batches");
            if (now && !inUse()) table().replaceWith(now);
        }
    } catch {
        // The server is away: the next look may find it.
    }
    goOn();
}

function goOn() {
    if ("going" in table().dataset) setTimeout(look, PAUSE);
}

goOn();
