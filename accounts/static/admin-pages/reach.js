// What unfold's pages lack for the keyboard and for screen readers: things to click become buttons, what is unnamed gets a name.
"use strict";

const CLICKED = "[x-on\\:click]:is(span, div, h2, a:not([href]))";
// The grounds behind a drawer or a dialog close it: the Escape key does that as well.
const GROUNDS = "[x-on\\:click$='= false']";

function becomeButtons() {
    for (const element of document.querySelectorAll(`${CLICKED}:not(${GROUNDS})`)) {
        element.role = "button";
        element.tabIndex = 0;
        if (/^sidebar/.test(element.getAttribute("x-on:click"))) element.ariaLabel = document.body.dataset.nameToggle;
    }
    document.addEventListener("keydown", event => {
        if (!event.target.matches?.("[role=button]:is(span, div, h2, a:not([href]))")) return;
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        event.target.click();
    });
}

// A Material symbol is a word in a special font; beside a text it is an ornament.
function hideOrnaments() {
    for (const icon of document.querySelectorAll(".material-symbols-outlined:not([role])")) {
        if (icon.parentElement.innerText.trim() !== icon.innerText.trim()) icon.ariaHidden = "true";
    }
}

// SimpleBar, which starts after this, makes a landmark of each area that scrolls.
function nameAreas() {
    const names = document.body.dataset;
    document.getElementById("nav-sidebar-inner")?.setAttribute("aria-label", names.nameSidebar);
    for (const area of document.querySelectorAll("[data-simplebar]")) {
        const heading = area.closest("fieldset")?.querySelector("h2") ?? document.querySelector("h1");
        const own = area.closest("nav") ? names.nameSidebar : area.closest("#changelist-filter") ? names.nameFilter : "";
        area.dataset.simplebarAriaLabel = own || heading?.innerText.trim() || names.nameSidebar;
    }
}

// Select2 names its box by the choice alone, which may be empty.
function nameChoices() {
    for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
        const label = document.querySelector(`label[for="${CSS.escape(select.id)}"]`);
        if (!label) continue;
        label.id ||= `${select.id}-label`;
        for (const part of select.nextElementSibling.querySelectorAll("[role=combobox], [role=textbox]")) {
            part.setAttribute("aria-labelledby", `${label.id} ${part.getAttribute("aria-labelledby") ?? part.id}`.trim());
        }
    }
}

// The question marks of Django's choosers of many.
function nameHints() {
    for (const hint of document.querySelectorAll(".help-tooltip[aria-label]")) hint.role = "img";
}

document.addEventListener("DOMContentLoaded", () => {
    becomeButtons();
    hideOrnaments();
    nameAreas();
    // After the widgets' own scripts: some wait for this event themselves, others for their turn with jQuery.
    addEventListener("load", () => {
        nameHints();
        window.django?.jQuery?.(nameChoices);
    });
});
