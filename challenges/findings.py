"""What a challenge may do but had better not: findings that do not stop it, in words for whoever animates."""

from __future__ import annotations

from flask_babel import gettext as _

from challenges.definition import ConvertPayout, Definition

HOME_SELLER_CHANNELS = frozenset({"face_to_face", "meeting", "reorder"})


def warnings_about(definition: Definition, people: int) -> list[str]:
    """Findings about a valid challenge; `people` is the size of its audience today."""
    found = []
    if people == 0:
        found.append(_("le public est vide aujourd'hui : personne ne participera."))
    if definition.picture is not None and definition.picture_content is None:
        found.append(_("l'image « %(name)s » n'est pas à côté du fichier.", name=definition.picture))
    if definition.has_draw:
        found.append(_("un tirage au sort doit être publié avant le début du challenge."))
    if not definition.payouts:
        found.append(_("rien n'est à gagner : ajoutez un gain."))
    kinds = set((definition.audience.kinds if definition.audience else None) or ("vdi",))
    named = [set(rule.when.channels) for rule in definition.rules if rule.when and rule.when.channels]
    if "vdi" in kinds and any(not channels & HOME_SELLER_CHANNELS for channels in named):
        found.append(
            _(
                "une règle ne compte que des ventes en boutique ou en ligne : un VDI n'y gagne rien"
                " (C. com. L135-1 à L135-3)."
            )
        )
    if definition.payouts and not all(isinstance(payout, ConvertPayout) for payout in definition.payouts):
        found.append(
            _(
                "les points de vente de santé ne reçoivent pas de dotation individuelle (CSP L1453-3) ;"
                " sans l'accord de l'employeur, un salarié ne gagne rien (CSS L242-1-4)."
            )
        )
    return found
