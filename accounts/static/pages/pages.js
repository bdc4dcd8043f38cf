// What the pages do beyond links and forms: buttons that copy, links that carry. Without it everything else still works.
"use strict";

function copyOnClick(button) {
    const source = document.getElementById(button.dataset.copy);
    const words = button.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
        try {
            await navigator.clipboard.writeText(source.value ?? source.textContent);
            button.textContent = button.dataset.done;
        } catch {
            // Without https, or where the reader forbids it: the text is selected, for Ctrl+C.
            getSelection().selectAllChildren(source);
            button.textContent = button.dataset.failed;
        }
        setTimeout(() => { button.textContent = words; }, 2500);
    });
}

document.querySelectorAll("button[data-copy]").forEach(copyOnClick);

// A text that is shown once goes along to the page that the link leads to: in this tab alone, until that page has it.
document.querySelectorAll("a[data-carry]").forEach((link) => link.addEventListener("click", () => {
    sessionStorage.setItem("carried", document.getElementById(link.dataset.carry).textContent);
}));
