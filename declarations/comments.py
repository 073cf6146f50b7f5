"""Comments are cleaned before anything is stored: e-mail addresses, telephone numbers, links, names of people.

Pure, standard library only. When in doubt a name goes: a comment loses a word, nobody loses their privacy. Words
that are both a name and an everyday word ("Rose", "Petit", "Claire") go only beside another part of the name or a
title. Cleaning twice gives the same as cleaning once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

EMAIL = "[e-mail]"
PHONE = "[téléphone]"
LINK = "[lien]"
NAME = "[nom]"


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Written without accents, in small letters: names that are also ordinary French words, at least in a comment on a
# product, and would spoil more sentences than they would protect people.
ORDINARY = _words(
    """
    ambre ami ange anis arnica aube avril baron beau bel belle bergamote bijou blanc blanche bleu blond bois bon
    bonbon bonne bonnet bouquet brun brune cadet calme capucine carre celeste cerise chance chapelle chaste chat
    chaussure chene cher chou clair clou colombe comte corail coton court cousin couture daim dame dauphin desire
    dore doree douce doux droit duc elan elegante epice esperance ete etoile faible fer ferme fidele fin fleur
    forest foret fort fortune franc gai gaillard garnier gentil gilet grace grand grande gras gris gros grosse herbe
    heureux hier hiver honore hotel huile image iris ivoire jade jardin jasmin jasmine jaune jeune joie joli jolie
    jour juin jus juste lac large lavande leger lilas lin long longue loup loyal luxe lys mai maison maitre major
    mardi mare marguerite marron mars matin mauve melisse menthe mere merveille mignon mignonne mimosa mont moulin
    muguet muse naturelle neige noel noir noire noisette nouveau nuit olive opale orange orchidee paix panier
    paradis parfait paris patron pavot pecheur perle petit petite pivoine pomme pont porte poudre premier prince
    princesse prudence prune rapide reine renard riche rivage riviere roche roi romarin rond rose rosee rosier rouge
    rousse roux royal rubis ruby sable sage saint salmon santal sante saphir sauvage savon soie soir solaire soleil
    sucre tendre tendresse terre thym tilleul tissu toile tresor unique vallee vanille velours vernis vert verte
    vigne violette vive voisin voyage yeux
    """
)
# Names that are ordinary words too, but written small: with a capital they are taken for a name.
SMALL_IS_ORDINARY = _words(
    """
    agathe aimee angelique aurore berger boulanger bourgeois charpentier chevalier claire clemence clement constance
    constant desiree eve felicite florent fontaine france garance harmonie jean lance laure lise luce marc marchand
    marie marine martin maxime melodie olivier pascal pierre robin romain serge victoire
    """
)
# What follows a title without being a name.
_NOT_A_NAME = _words(
    """
    a ai au aux avait avec c car ce ces cela cette chez comme d dans de des directeur directrice dit dont du elle elles
    en encore est et etait etes eu fait il ils j je l la le les leur leurs lui m ma mais me mes moi mon n ne nom non
    nos notre nous on ou par parce pas plus pour qu quand que qui qu s sa sans se ses si son sont sous sur t ta te tes
    toi ton tous tout toute tres tu un une va voit votre vos vous y bonjour merci bonsoir monsieur madame mesdames
    and are he her his i in is it my of or she that the they this to was we who with you your thanks
    """
)
_PARTICLES = _words("de d du des la le l van von der el ben da dos di o")
_GREETINGS = _words(
    """
    aurevoir bien bises bisous bonjour bonne bravo cordialement cdt genial merci noel super top
    """
)

_LETTER = r"[^\W\d_]"
_WORD = re.compile(rf"{_LETTER}+(?:-{_LETTER}+)*")
_BETWEEN = re.compile(r"[ \t\u00a0\u202f'’.-]{1,3}")
_GAP = r"[ \t\u00a0\u202f]"

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_EMAIL = re.compile(
    rf"[\w.+%-]+(?:@|{_GAP}?(?:\(at\)|\[at\]|\(arobase\)){_GAP}?|{_GAP}arobase{_GAP})[\w-]+"
    rf"(?:(?:\.|{_GAP}?\((?:dot|point)\){_GAP}?|{_GAP}point{_GAP})[\w-]+)+",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"(?:https?://|www\.)[^\s<>\"»]+|(?<![\w@.-])(?:[a-z][\w-]+\.)+(?:fr|com|net|org|eu|info|shop)(?![\w.-]*\w)"
    r"(?:/[^\s<>\"»]*)?",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![\w@])@[\w.]*\w{2,}")
_PHONES = (
    # International: +33 6 12 34 56 78, 0033(0)612345678, +44 20 7946 0958.
    re.compile(r"(?<![\w+])(?:\+|00)[ .]?[1-9]\d{0,2}(?:[ .\-/()\u00a0\u202f]{0,3}\d){6,12}(?!\d)"),
    # French: 06 12 34 56 78, 06.12.34.56.78, 0612345678, 06 123 456 78; not a date followed by an hour.
    re.compile(r"(?<![\d+])\(?0[1-9]\)?(?:[ .\-\u00a0\u202f]{0,2}\d){8}(?!\d|[ \u00a0]?[hH:]|[.,]\d)"),
    re.compile(r"(?<![\d/])0[1-9](?:/\d\d){4}(?![\d/])"),
)
_PARTICLE = r"(?:de la|de|du|des|le|la|van der|van|von|el|ben|da|dos|di|[dDlLO]['’])"
_CAPITAL = rf"(?:[^\W\d_a-zà-öø-ÿœ](?:\.|{_LETTER}*(?:[-'’]{_LETTER}+)*))"
_CAPITALS = rf"(?:{_PARTICLE}{_GAP}?)?{_CAPITAL}(?:{_GAP}+(?:{_PARTICLE}{_GAP}?)?{_CAPITAL}){{0,2}}"
_SMALL = rf"{_LETTER}{{2,}}(?:-{_LETTER}+)*"
_TITLE = (
    r"(?:M\.|Mrs?\.?|mr\.?|MR\.?|Ms\.?|M[Mm]es?\.?|mmes?\.?|MME\.?|[Mm]lles?\.?|MLLE\.?|MM\.?|[Dd]r\.?|DR\.?|Pr\.?|Me"
    r"|Messieurs|Mesdames|Maître|(?i:monsieur|madame|mademoiselle|docteure?|professeure?))"
)
# In each: what is kept, then what is a name unless its first word is an ordinary one.
_TITLED = re.compile(rf"(?<![\w'’])({_TITLE}{_GAP}+)({_CAPITALS})")
_TITLED_SMALL = re.compile(rf"(?<![\w'’])((?i:mr|mrs|mme|mlle|dr)\.?{_GAP}+)({_SMALL})")
_RELATION = re.compile(
    rf"(?<!\w)((?i:vendeur|vendeuse|conseiller|conseillère|conseillere|esthéticienne|estheticienne|pharmacien"
    rf"|pharmacienne|coiffeur|coiffeuse|opticien|opticienne|gérant|gérante|hôtesse|hotesse|responsable|patron|patronne"
    rf"|mari|femme|épouse|fille|fils|ami|amie|copain|copine|sœur|soeur|frère|mère|père|maman|papa|tante|oncle|voisin"
    rf"|voisine|collègue|cousin|cousine|animatrice|animateur|merci à|merci a){_GAP}+)({_CAPITALS})"
)
_CALLED = re.compile(
    rf"(?<!\w)((?i:s['’]appelle|s['’]appelait|se nomme|prénommée?|nommée?|appelez[- ]moi){_GAP}*:?{_GAP}+)({_CAPITALS})"
)
_MYSELF = re.compile(
    rf"(?<!\w)((?i:m['’]appelle|mon nom est|mon prénom est|my name is){_GAP}*:?{_GAP}+)({_CAPITALS}|{_SMALL})"
)
_SIGNED = re.compile(
    rf"((?i:cordialement|bien à vous|amicalement|bises|bisous|sincères salutations|signé)[ ,.:!\n\u00a0—–-]+)"
    rf"({_CAPITALS})(?=[\s.!]*\Z)"
)


@dataclass(frozen=True)
class Names:
    """Names of people made ready for looking up: folded words of full names, and words that are names alone."""

    full: frozenset[tuple[str, ...]]
    given: frozenset[str]
    family: frozenset[str]
    longest: int


def known_names(names: Iterable[str]) -> Names:
    """Make names such as "Marie-Anne Le Goff" ready; do it once for many comments."""
    full: set[tuple[str, ...]] = set()
    given: set[str] = set()
    family: set[str] = set()
    ordinary = ORDINARY | SMALL_IS_ORDINARY
    for name in names:
        words = tuple(fold(word) for word in _WORD.findall(name))
        if not words:
            continue
        if len(words) > 1:
            full.update((words, words[1:] + words[:1], words[-1:] + words[:-1]))
        given.update(word for word in words[:1] if len(word) >= 4 and word not in ordinary)
        family.update(word for word in words if len(word) >= 3 and word not in ORDINARY | _NOT_A_NAME)
    return Names(frozenset(full), frozenset(given), frozenset(family), max(map(len, full), default=0))


NOBODY = known_names(())


def fold(word: str) -> str:
    """Small letters without accents: "Hélène" → "helene"."""
    return "".join(c for c in unicodedata.normalize("NFD", word.casefold()) if not unicodedata.combining(c))


def clean_comment(text: str, names: Names | Iterable[str] = NOBODY) -> str:
    """The comment without what identifies people, trimmed; invisible and control characters are dropped.

    `names` are the people of the network (a Names made once, or their full names). A replaced name keeps its title:
    "Merci à Mme Dupont" → "Merci à Mme [nom]".
    """
    known = names if isinstance(names, Names) else known_names(names)
    text = _UNSEEN.sub("", unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")))
    for _ in range(8):  # what one marker leaves beside it may show the next one; two rounds are the rule
        before, text = text, _cleaned_once(text, known).strip()
        if text == before:
            break
    return text


def _cleaned_once(text: str, known: Names) -> str:
    text = _EMAIL.sub(EMAIL, text)
    text = _LINK.sub(_link, text)
    text = _HANDLE.sub(NAME, text)
    for pattern in _PHONES:
        text = pattern.sub(PHONE, text)
    for pattern in (_TITLED, _TITLED_SMALL, _RELATION, _CALLED, _MYSELF, _SIGNED):
        text = pattern.sub(_after_title, text)
    return _without_known(text, known) if known.family or known.full else text


def _link(found: re.Match[str]) -> str:
    """The marker, and the punctuation that ended the sentence rather than the address."""
    address = found.group()
    return LINK + address[len(address.rstrip(".,;:!?)…")) :]


def _after_title(found: re.Match[str]) -> str:
    """Replace the words after a title that can be a name; a text in capitals tells nothing about where it ends."""
    kept, name = found.groups()
    if kept.isupper() and found.re is _RELATION:
        return found.group()
    words = list(_WORD.finditer(name))
    start = 0
    while start < len(words) - 1 and fold(words[start].group()) in _PARTICLES:
        start += 1
    first = fold(words[start].group())
    if first in _NOT_A_NAME or first in _GREETINGS:
        return found.group()
    end = len(name)
    for before, word in zip(words[start:], words[start + 1 :], strict=False):
        text = word.group()
        if len(text) > 1 and text[0].isupper() and fold(text) in _NOT_A_NAME - _PARTICLES:
            end = before.end()
            break
    return f"{kept}{NAME}{name[end:]}"


def _without_known(text: str, known: Names) -> str:
    words = list(_WORD.finditer(text))
    folded = [fold(word.group()) for word in words]
    pieces: list[str] = []
    done = place = 0
    while place < len(words):
        size = _length_of_name(text, words, folded, place, known)
        if not size:
            place += 1
            continue
        start, end = words[place].start(), words[place + size - 1].end()
        pieces += [text[done:start], NAME]
        done = end
        place += size
    return "".join([*pieces, text[done:]])


def _length_of_name(text: str, words: list[re.Match[str]], folded: list[str], place: int, known: Names) -> int:
    """How many words from `place` on are a name of the network; 0 when none."""
    for size in range(min(known.longest, len(words) - place), 1, -1):
        if tuple(folded[place : place + size]) in known.full and all(
            _BETWEEN.fullmatch(text[words[i].end() : words[i + 1].start()]) for i in range(place, place + size - 1)
        ):
            return size
    word, start = words[place].group(), words[place].start()
    if text[start - 1 : start] == "[" and text[words[place].end() :][:1] == "]":
        return 0
    if folded[place] in known.given or (folded[place] in known.family and word[0].isupper()):
        return 1
    return 0
