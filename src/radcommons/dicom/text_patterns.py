"""Signs of identity that need no knowledge of the patient: addresses, numbers, dates, in the languages of hospitals.

Two patterns come of it: `ALWAYS` is sure in any text, `TYPED` holds where people type; a software version may look like
some of the latter.
"""

from __future__ import annotations

import re

# Names of the months in the languages of hospitals, by month; endings may follow.
MONTHS = (
    "january jan januar jänner janvier janv enero ene gennaio gen janeiro januari stycznia styczeń ocak январ ιανουαρίου يناير ינואר",  # noqa: E501
    "february feb februar feber février fevrier févr fevr fév fevereiro fev febrero febbraio februari lutego luty şubat феврал "  # noqa: E501
    "φεβρουαρίου فبراير פברואר",
    "march mar märz maerz mrz mär maer mars marzo março marco maart mrt marca marzec mart март μαρτίου مارس מרץ",
    "april apr avril avr abril abr aprile kwietnia kwiecień nisan апрел απριλίου أبريل ابريل אפריל",
    "may mai mayo maggio mag maio mei maja maj mayıs ма[йя] μαΐου مايو מאי",
    "june jun juni juin junio giugno giu junho czerwca czerwiec haziran июн ιουνίου يونيو יוני",
    "july jul juli juillet juil julio luglio lug julho lipca lipiec temmuz июл ιουλίου يوليو יולי",
    "august aug août aout agosto ago augustus augusti sierpnia sierpień ağustos август αυγούστου أغسطس اغسطس אוגוסט",
    "september sept sep septembre septiembre setiembre settembre set setembro września wrzesień eylül сентябр σεπτεμβρίου سبتمبر ספטמבר",  # noqa: E501
    "october oct oktober okt octobre octubre ottobre ott outubro out października październik ekim октябр οκτωβρίου أكتوبر اكتوبر אוקטובר",  # noqa: E501
    "november nov novembre noviembre novembro listopada listopad kasım ноябр νοεμβρίου نوفمبر נובמבר",
    "december dec dezember dez décembre decembre déc diciembre dic dicembre dezembro grudnia grudzień aralık декабр δεκεμβρίου "  # noqa: E501
    "ديسمبر דצמבר",
)
_MONTH = "(?:(?:" + "|".join(sorted(" ".join(MONTHS).split(), key=len, reverse=True)) + ")(?:(?<=[а-я])[а-я]{1,2})?)"
_YEAR = r"(?:19|20)\d{2}"
_ORDINAL = (
    r"(?:(?:twenty|thirty)[ -])?(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|"
    r"(?:thir|four|fif|six|seven|eigh|nine)teenth|twentieth|thirtieth)"
)
_SPOKEN_YEAR = r"(?:nineteen|two thousand|twenty)(?:[ -](?:and[ -])?[a-z]+(?:teen|ty|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b){0,2}(?:[ -](?:one|two|three|four|five|six|seven|eight|nine))?"  # noqa: E501
_LABEL = (
    r"mrn|pid|patid|pat(?:ient)?\.?[ -]?id|pat(?:ient(?:en)?)?\.?[ -]?n(?:o|r|um|umber|ummer|°|º)\.?|dob|d\.o\.b|ssn|nhs"  # noqa: E501
    r"|geb(?:oren)?(?:\.?-?dat(?:um)?)?|née?|nato|nata|nacid[oa]|acc(?:ession)?(?:[ -]?n(?:o|r|um|umber|°))?\.?|policy|insurance"  # noqa: E501
    r"|medicare|medicaid|dni|nie|nif|cpf|passport|reisepass|pesel|bsn|rut|curp|hkid|kvnr|csn|nss|nhc|ipp|chart|record"
    r"|vers(?:icherten|icherungs)?\.?-?(?:nr|nummer)|serial(?:[ -]?n(?:o|umber|°))?|ser\.?-?n(?:o|r)|seriennummer|sn|s/n"  # noqa: E501
    r"|fall\.?-?(?:nr|nummer)|auftrags?\.?-?(?:nr|nummer)?|n[°º]|dossier|expediente|historia(?: cl[ií]nica)?|encounter"
    r"|снилс|полис|карта|история|病历号|住院号|门诊号|检查号|登录号|病歴番号|患者番号|患者id|등록번호|환자번호|账号|account"
)
_PHONE_LABEL = (
    r"tel(?:ephone|efon|éfono|efono|\.)?|tél(?:éphone)?|ph(?:one)?|fax|cell|mobile|handy|mobil|pager|bleep|piper|beeper|ext"
    r"|extension|durchwahl|dect|móvil|cellulare|телефон|тел|电话|電話|手机|전화|هاتف|טלפון|whatsapp"
)
_STREET = (
    r"street|st|road|rd|avenue|ave|lane|ln|drive|boulevard|blvd|court|place|terrace|close|crescent|square|highway|parkway"
    r"|pkwy|grove|mews|row|hill|gardens"
)
_VIA = (
    r"rue|avenue|av\.|boulevard|bd|chemin|impasse|quai|all[ée]e|via|viale|piazza|corso|calle|c/|avenida|avda\.?|plaza|paseo"
    r"|rua|travessa|praça|largo|ul\.|ulica|al\.|os\.|ул\.|улица|проспект|пр-т|пр\.|пер\.|наб\.|οδός|οδος|شارع|רחוב|רח'"
)
# A capital letter for names of streets; the whole is matched without regard to case otherwise.
_PROPER = r"(?-i:[^\W\d_a-zа-я][\w'’.-]*)"
# Sure signs in any text: addresses of mail, web and machines, phone and labelled numbers, UIDs, long numbers.
_APART = r"(?<!\w)(?:[^\W\d_][ .]){3,}(?:[^\W\d_](?!\w))?"
_ALWAYS = (
    _APART,
    r"[\w.+'’-]+@[\w-]+(?:\.[\w-]+)*",
    r"(?:https?://|ftp://|www\.)\S+",
    r"(?<![\w.])[a-z][\w-]*(?:\.[\w-]+)*\.(?:com|org|net|edu|gov|example|test|local|intranet|hospital|info|de|fr|uk|eu)(?![\w])(?:/\S*)?",
    r"(?<![\d.])[0-2](?:\.\d+){5,}(?![\d.])",
    r"(?<![0-9a-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-z])",
    r"(?<!\w)(?:[a-z]:\\|\\\\)\S+",
    r"(?<!\w)(?:\+|00)\d{1,3}[ ()/.-]{0,2}\d[\d ()/.-]{5,}\d",
    r"(?<![\w.])\(?\d{3}\)?[ .-]{0,2}\d{3}[ .-]\d{4}(?!\w)",
    rf"(?<!\w)(?:{_PHONE_LABEL})[.:#\s]{{0,3}}\(?\+?\d[\d ()/.-]+",
    rf"(?<![^\W_])(?:{_LABEL})(?![^\W\d_])\.?\s*[:#=]?\s*(?:is |nr\.? ?|no\.? ?)?[\w./-]*\d[\w./-]*(?:[ -]\d{{2,}})*",
    r"(?<![\d.])\d{9,}(?!\d)",
    r"(?<![\w.])\(?0\d{2,4}\)? ?/ ?\d{3,}(?: \d{2,})*(?!\w|\.\d)",
    r"(?<![\w])[a-z]{6}\d{2}[a-z]\d{2}[a-z]\d{3}[a-z](?!\w)",
    r"(?<!\w)\d{3}-\d{2}-\d{4}(?!\w)",
)
# Signs in words that people typed.
_TYPED = (
    *_ALWAYS,
    # days, in figures and in words
    rf"(?<!\d){_YEAR}[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])(?!\d)",
    r"(?<!\d)(?:0?[1-9]|[12]\d|3[01])\s?[-./]\s?(?:0?[1-9]|[12]\d|3[01])\s?[-./]\s?(?:19|20)?\d{2}(?!\d)",
    r"(?<![\d.])(?:0?[1-9]|[12]\d|3[01])\.(?:0?[1-9]|1[0-2])\.(?!\d)",
    r"(?<![\d.])(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])(?![\d/])",
    rf"(?<![^\W_])\d{{1,2}}(?:st|nd|rd|th|er|º|ª|\.)?[\s.,/_-]{{0,3}}(?:of |de |di |d['’]|der? )?{_MONTH}(?![^\W\d_])(?:[\s.,/_-]{{0,3}}(?:of |de |del |di )?(?:{_YEAR}|['’]?\d{{2}}))?(?!\d)",  # noqa: E501
    rf"(?<![^\W_]){_MONTH}(?![^\W\d_])[\s.,/_-]{{0,3}}(?:the )?\d{{1,2}}(?:st|nd|rd|th)?[\s.,/_-]{{1,3}}(?:of |de |del )?(?:{_YEAR}|['’]\d{{2}})(?!\d)",  # noqa: E501
    rf"(?<![^\W_]){_MONTH}(?![^\W\d_])[\s.,/_-]{{0,3}}(?:de |del |of )?{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}[\s.,/_-]{{1,3}}{_MONTH}(?![^\W\d_])(?:[\s.,/_-]{{1,3}}\d{{1,2}})?",
    rf"(?<!\w){_MONTH} \d{{1,2}}(?:st|nd|rd|th)(?!\w)",
    rf"(?<!\w)(?:the )?{_ORDINAL}(?: day)?(?: of)? {_MONTH}(?![^\W\d_])(?:,? (?:{_YEAR}|{_SPOKEN_YEAR}))?",
    rf"(?<!\w){_MONTH} (?:the )?{_ORDINAL}(?:,? (?:{_YEAR}|{_SPOKEN_YEAR}))?(?!\w)",
    rf"(?<!\w)(?:born|birth|geboren|jahrgang|jg\.?|né|née|nacid[oa]|nat[oa]|b\.|г\.р\.|рожд\w*)\W{{0,3}}(?:in |im |on |am |en |le |el |il |the )?(?:{_YEAR}|{_SPOKEN_YEAR}|'\d{{2}})",  # noqa: E501
    rf"(?<!\w)(?:in|since|from|of|im|seit|von|aus|vom|en|depuis|desde|del|nel|dal|anno|year|jahr|año|v)\s+{_YEAR}(?![\d.])",
    rf"[*†(]\s?{_YEAR}\s?\)?",
    r"(?:(?:19|20)\d{2}|\d{2})\s?[年년]\s?(?:\d{1,2}\s?[月월]\s?)?(?:\d{1,2}\s?[日일号號])?",
    r"(?:昭和|平成|令和|大正|民国|民國)\s?\d{1,2}年?(?:\d{1,2}月)?(?:\d{1,2}日)?",
    r"(?<!\d)\d{1,2}\s?[月월]\s?\d{1,2}\s?[日일号號]",
    # great ages single people out
    r"(?<!\d)(?:9\d|1[01]\d)[ -]?(?:years?|yrs?|y/?o|y|j|jahre?|j(?:ä|ae)hrig\w*|jarige?|летн\w*|letni\w*|enne|ans|años|anni|anos|лет|года?|岁|歳|세)(?![^\W\d_])(?:[ -]?old)?",  # noqa: E501
    r"(?<!\w)(?:aged?|alter)\W{1,3}(?:9\d|1[01]\d)(?!\d)",
    # numbers
    r"(?<![0-9A-Za-z.])[A-Za-z]{0,4}[-_#]?\d{6,}[A-Za-z]?(?![0-9A-Za-z])",
    r"(?<![\w.])\d{5}(?!\w|\.\d)(?:-\d{4})?",
    r"(?<![\w.])[A-Za-z]{1,4}[-_/#]\d{4,}(?:[-_/]\w+)?(?!\w)",
    r"(?<![\w.])(?=(?:[A-Za-z]*\d){5})(?=\w*[A-Za-z])[A-Za-z0-9]{6,}(?!\w)",
    r"(?<![\w.])\(?0\d{1,5}\)?(?:[ /-]{1,3}\d{2,}){1,5}(?!\w|\.\d)",
    r"(?<![\w.])\d(?:[ /-]?\d){8,}(?!\w|\.\d)",
    r"#\s?\d{3,}[\w-]*",
    r"(?<!\w)id\W{0,3}[\w-]*\d{3,}[\w-]*",
    r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])",
    # places
    rf"(?<!\w)\d{{1,5}}[a-z]?,?\s+(?:{_PROPER}\s+){{1,3}}(?:{_STREET})(?!\w)\.?",
    r"(?<!\w)[^\W\d_]+(?:straße|strasse|str\.|allee|gasse|weg|platz|ring|damm|ufer|straat|laan|gatan|vägen|vej)\s*\d{1,4}\s?[a-z]?(?!\w)",
    rf"(?:(?<!\w)\d{{1,4}}\s?(?:bis|ter)?,?\s+)?(?<!\w)(?:{_VIA})\s+(?:(?:de|du|des|la|le|les|del|della|dei|da|do|dos|d'|l')\s+)*{_PROPER}(?:\s+{_PROPER}){{0,2}}(?:,?\s*(?:n[º°.]?|д\.|nr\.?)?\s*\d{{1,5}}[a-zа-я]?(?!\d))?",
    r"(?<!\w)(?-i:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2})(?!\w)",
    r"(?<!\w)(?-i:[A-Z]\d[A-Z] ?\d[A-Z]\d)(?!\w)",
    r"(?<!\w)p\.?\s?o\.?\s?box\s*\d+",
    r"(?<!\w)(?:room|rm|zimmer|zi|bed|bett|ward|station|suite|apt|apartment|floor|etage|chambre|lit|habitación|cama|stanza|letto|quarto|leito|палата|койка|кв|pokój|sala)\b\.?\s*(?:no\.?|nr\.?|#|n°)?\s*(?:[a-z]{0,2}\d[\w-]*|(?-i:[A-Z])(?!\w))",
)  # fmt: skip
# letters set wide apart, cut off or not
APART = re.compile(_APART)
ALWAYS = re.compile("|".join(f"(?:{part})" for part in _ALWAYS), re.IGNORECASE)
TYPED = re.compile("|".join(f"(?:{part})" for part in _TYPED), re.IGNORECASE)
