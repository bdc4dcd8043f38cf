"""What a contributor agrees to, word for word. A change of the words is a new version."""

from django.utils.translation import gettext_noop as N_

VERSION = "2026-12-01"

TERMS = (
    N_(
        "Your key goes into a pool. People whom you do not know will send prompts through it, and their prompts and the "
        "answers run on your Google project, in your name towards Google, and count against its quota."
    ),
    N_(
        "If the project has billing, what they send costs you money: lend such a key only if you mean that, say that it is "
        "paid, and set a budget in Google's console."
    ),
    N_(
        "Google's terms hold for what runs on your project: the Gemini API Additional Terms of Service, the Generative AI "
        "Prohibited Use Policy and the list of available regions. You must be allowed to use the API where you live, and "
        "this server must stand in such a region. Lending a key may be against the terms; that is for you to judge. "
        "In the European Economic Area, Switzerland and the United Kingdom Google asks for paid projects when an "
        "application is offered to others."
    ),
    N_(
        "On the free tier Google may read prompts and answers and use them to improve its products. We ask Google with "
        "every request not to keep prompts in your project's logs."
    ),
    N_(
        "What is too large for one request, such as a film, is uploaded to the Gemini files of your project, without a name, "
        "while it is in use: mostly for an hour, for two days at most. That costs nothing and counts against the 20 GB that "
        "a project may hold. You could list such files, and must not make use of them."
    ),
    N_(
        "The key is kept encrypted and is used for nothing but calls to the Gemini API. We keep no name, no e-mail and no "
        "address of yours. Nobody is told which key answered which request."
    ),
    N_(
        "You can pause, limit or withdraw the key at any time with the receipt code. Withdrawing erases it here at once; the "
        "operator's backups may hold it, encrypted, until they are overwritten. You can always delete the key in Google AI "
        "Studio, which ends every use of it everywhere."
    ),
    N_("There is no warranty, and nothing is owed to you for lending a key."),
)
