"""Words that need no place: brand names, titles, products, and descriptions with everything CSV dislikes."""

from __future__ import annotations

from salesforce_emulator.data.generate.chance import Chance

# Two halves make an invented brand: Velmora, Kantrix, Ostavia. 64 x 64 of them.
_BRAND_HEADS = (
    "Al", "Ar", "Bel", "Bor", "Cal", "Cor", "Dal", "Dor", "El", "Er", "Fal", "Fen", "Gal", "Gor", "Hal",
    "Hel", "Il", "Ir", "Jal", "Jor", "Kan", "Kor", "Lan", "Lor", "Mal", "Mer", "Nal", "Nor", "Ol", "Or",
    "Pal", "Per", "Qual", "Quor", "Ral", "Ros", "Sal", "Sor", "Tal", "Tor", "Ul", "Ur", "Val", "Vel", "Wal",
    "Wor", "Xan", "Xil", "Yal", "Yor", "Zal", "Zor", "Ost", "Est", "Ast", "Ist", "Bran", "Cren", "Drum",
    "Flan", "Grim", "Plen", "Stam", "Trev",
)  # fmt: skip
_BRAND_TAILS = (
    "ada", "adis", "ago", "ama", "ana", "anta", "ara", "aris", "asta", "atis", "avia", "axo", "beck",
    "berra", "bia", "bor", "bria", "cado", "cera", "cor", "dana", "dex", "dis", "dora", "enta", "era",
    "ergo", "etta", "eva", "evia", "fara", "fio", "gena", "gora", "ica", "ido", "igen", "illo", "ima",
    "ina", "inta", "ira", "ita", "ivo", "ixa", "ka", "lane", "lia", "lix", "mora", "nix", "nova", "ora",
    "oris", "osa", "otto", "ova", "pex", "quin", "ria", "tex", "trix", "va", "via",
)  # fmt: skip

TITLES = (
    "CEO", "CFO", "CTO", "COO", "CMO", "VP, Sales", "VP Marketing", "VP, Finance", "SVP, Operations",
    "Head of Growth", "Head of Procurement", "Director of IT", "Director, Warehouse Mgmt", "IT Manager",
    "Marketing Manager", "Demand Generation Manager", "Account-Based Marketing Lead", "Buyer", "Senior Buyer",
    "Plant Manager", "Facilities Manager", "Software Engineer", "Data Analyst", "Office Manager", "Owner",
    "Managing Director", "Geschäftsführer", "Prokuristin", "Directeur général", "Jefa de compras", "代表取締役",
    "部長", "总经理", "대표이사", "Генеральний директор", "Διευθυντής", "مدير عام", "מנכ\"ל",
    "Assistant to the \"Boss\"",
    "Sales, Marketing & Partnerships", "R&D / QA", "Consultant (ext.)",
)  # fmt: skip
DEPARTMENTS = (
    "Sales", "Marketing", "Finance", "Operations", "IT", "Procurement", "Human Resources", "Legal",
    "Production", "Executive Team", "Einkauf", "Comptabilité", "総務部", "Research & Development",
)  # fmt: skip
PRODUCTS = (
    "Platform", "Pilot", "Renewal", "Expansion", "Add-on seats", "Migration", "Support plan", "Training",
    "Enterprise licence", "Proof of concept", "Integration package", "Annual subscription", "Data module",
    "Phase 2", "Rollout EMEA", "Hardware refresh",
)  # fmt: skip
NEXT_STEPS = (
    "Send quote", "Call back Tuesday", "Waiting for legal", "Security review", "Demo for the \"steering\" group",
    "Meet CFO, then sign", "Needs analysis workshop", "Follow up after trade show",
)  # fmt: skip

_SENTENCES = (
    "Family-owned since three generations.",
    "Met at the trade show; asked for prices, references and a pilot.",
    "Uses a competitor, contract ends in autumn.",
    "Wants \"everything in one place\", as the buyer put it.",
    "Don't call before 10:00.",
    "Ships to 14 countries; plants in two.",
    "Paid late twice, otherwise fine.",
    "Moved to C:\\Accounts\\Archive\\2019 by the old system.",
    "Größter Kunde der Region, Ansprechpartner wechselt häufig.",
    "Client historique, très attaché au service après-vente.",
    "展示会で名刺交換済み。次回は四月に訪問。",
    "客户希望提供中文合同。",
    "Просили прислать презентацию.",
    "עדיף ליצור קשר בדוא\"ל.",
    "يفضل التواصل صباحا.",
    "Great partner 🤝, loves our roadmap 🚀.",
    "Discount: 15 %, approved by finance, valid until further notice.",
    "See ticket #4711; workaround = restart, then \"sync\".",
    "N/A",
    "Revenue > 10M & growing <fast>.",
)  # fmt: skip
_ENDS_OF_LINE = ("\n", "\r\n", "\r\n", "\n\n", "\r", "\t", "\r\n\t- ", '\n"', "\\n", " ")
_LONG, _LONGEST = 6_000, 32_000


def brands(chance: Chance) -> tuple[str, ...]:
    """All 4096 invented brands, in an order of the seed's choosing."""
    names = [head + tail for head in _BRAND_HEADS for tail in _BRAND_TAILS]
    for last in range(len(names) - 1, 0, -1):
        other = chance.below(last + 1)
        names[last], names[other] = names[other], names[last]
    return tuple(names)


def descriptions(chance: Chance) -> tuple[str | None, ...]:
    """1024 descriptions: four in ten empty, most a sentence or some lines, a few very long.

    Long ones: six of up to 6,000 characters, one of the 32,000 that the field takes.
    """
    texts: list[str | None] = [None] * 410
    texts += [chance.one_of(_SENTENCES) for _ in range(400)]
    texts += [_lines(chance, 2 + chance.below(6)) for _ in range(207)]
    texts += [_lines(chance, 150)[: _LONG - chance.below(3_000)].strip() for _ in range(6)]
    texts.append(_lines(chance, 900)[:_LONGEST].strip().ljust(_LONGEST, "."))
    return tuple(texts)


def _lines(chance: Chance, count: int) -> str:
    parts = [chance.one_of(_SENTENCES) + chance.one_of(_ENDS_OF_LINE) for _ in range(count)]
    return "".join(parts).strip()
