// Markdown of a model's, safely: marked makes HTML of it in which the model's own HTML is text, DOMPurify lets through the
// few elements that Markdown needs, and nothing of it loads anything.

import { Marked } from "../vendor/marked/marked.js";
import DOMPurify from "../vendor/dompurify/purify.js";

function escaped(text) {
    return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const marked = new Marked({
    gfm: true,
    breaks: true,
    renderer: {
        html: ({ text }) => escaped(text),
        // Pictures from elsewhere would tell whoever serves them who reads; headings would mix with the page's own.
        image: ({ href, text }) => `<a href="${escaped(href)}">${escaped(text || href)}</a>`,
        heading({ tokens }) { return `<p><strong>${this.parser.parseInline(tokens)}</strong></p>`; },
        checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    },
});

const ALLOWED = {
    ALLOWED_TAGS: ["p", "br", "strong", "em", "del", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "a",
        "table", "thead", "tbody", "tr", "th", "td"],
    ALLOWED_ATTR: ["href", "start"],
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
};

// A fragment for the page.
export function rendered(text) {
    const fragment = DOMPurify.sanitize(marked.parse(text), ALLOWED);
    for (const link of fragment.querySelectorAll("a")) {
        link.target = "_blank";
        link.rel = "noopener noreferrer nofollow";
    }
    // What scrolls must be reached by the keyboard.
    for (const code of fragment.querySelectorAll("pre")) code.tabIndex = 0;
    return fragment;
}
