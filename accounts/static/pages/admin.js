// Lets unfold's pages run under a content policy without 'unsafe-eval': Alpine's CSP build reads its expressions itself,
// and knows neither the functions of app.js nor statements. Those are named here, or written anew as one expression.
"use strict";

const REWRITTEN = {
    "x-on:click": [
        [/^sidebarDesktopOpen = !sidebarDesktopOpen; .*$/s, "sidebarDesktopOpen = !sidebarDesktopOpen"],
    ],
    "x-on:focus": [
        [/^openSearchResults = true; currentIndex = 0$/, "enterSearch()"],
    ],
    "x-on:keydown.enter.prevent": [
        [/^if \((.*?)\) (selectItem\(.*\))$/s, "$1 && $2"],
    ],
    "x-on:keydown.escape.prevent": [
        [/^openSearchResults = false; .*$/s, "leaveSearch()"],
    ],
};

function rewrite(attribute, pairs) {
    for (const element of document.querySelectorAll(`[${CSS.escape(attribute)}]`)) {
        for (const [pattern, replacement] of pairs) {
            element.setAttribute(attribute, element.getAttribute(attribute).replace(pattern, replacement));
        }
    }
}

function adminBody(firstTab) {
    return {
        activeTab: firstTab,
        sidebarMobileOpen: false,
        sidebarDesktopOpen: localStorage.getItem("sidebarDesktopOpen") !== "0",
        window: { location: { pathname: location.pathname, search: location.search } },
        moveRecords: event => moveRecords(event),
        sortRecords: event => sortRecords(event),
        init() {
            this.activeTab = getCurrentTab() || firstTab;
            this.$watch("sidebarDesktopOpen", open => localStorage.setItem("sidebarDesktopOpen", open ? "1" : "0"));
        },
    };
}

function searchBox() {
    return {
        ...searchDropdown(),
        enterSearch() {
            this.openSearchResults = true;
            this.currentIndex = 0;
        },
        leaveSearch() {
            this.openSearchResults = false;
            if (this.$refs.searchInput.value === "") this.$refs.searchInput.blur();
            else this.$refs.searchInput.value = "";
        },
    };
}

// unfold's asks once whether it is dark; this one follows the browser when that changes.
function followingTheme(chosen) {
    const evening = matchMedia("(prefers-color-scheme: dark)");
    const theirs = theme(chosen);
    return {
        ...theirs,
        isEvening: evening.matches,
        init() {
            theirs.init.call(this);
            evening.addEventListener("change", () => { this.isEvening = evening.matches; });
        },
        themeBindings: {
            ...theirs.themeBindings,
            "x-bind:class"() {
                return { auto: this.isEvening ? "dark" : "", light: "light", dark: "dark" }[this.adminTheme];
            },
        },
    };
}

document.addEventListener("alpine:init", () => {
    Object.entries(REWRITTEN).forEach(([attribute, pairs]) => rewrite(attribute, pairs));
    Alpine.data("theme", followingTheme);
    Alpine.data("adminBody", adminBody);
    Alpine.data("searchForm", searchForm);
    Alpine.data("searchDropdown", searchBox);
    Alpine.data("searchCommand", searchCommand);
});
