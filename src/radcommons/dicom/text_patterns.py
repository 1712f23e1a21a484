"""Signs of identity that need no knowledge of the patient: addresses, numbers, dates, in the languages of hospitals.

Two patterns come of it: `ALWAYS` is sure in any text, `TYPED` holds where people type; a software version may look like
some of the latter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

SHORTEST_LONG = 4
# Names of the months in the languages of hospitals, by month; endings may follow.
MONTHS = (
    "january jan januar jänner janvier janv enero ene gennaio gen janeiro januari stycznia styczeń ocak январ "
    "ιανουαρίου يناير ינואר tammikuuta tammikuu ledna leden január ianuarie січня sausio janvāris jaanuar "
    "siječnja",
    "february feb februar feber février fevrier févr fevr fév fevereiro fev febrero febbraio februari lutego "
    "luty şubat феврал φεβρουαρίου فبراير פברואר helmikuuta helmikuu února únor február februarie лютого vasario "
    "februāris veebruar veljače",
    "march mar märz maerz mrz mär maer mars marzo março marco maart mrt marca marzec mart март μαρτίου مارس מרץ "
    "marts maaliskuuta maaliskuu března březen március martie березня kovo märts ožujka",
    "april apr avril avr abril abr aprile kwietnia kwiecień nisan апрел απριλίου أبريل ابريل אפריל huhtikuuta "
    "huhtikuu dubna duben április aprilie квітня balandžio aprīlis aprill travnja",
    "may mai mayo maggio mag maio mei maja maj mayıs май мая μαΐου مايو מאי toukokuuta toukokuu května květen "
    "május травня gegužės maijs svibnja",
    "june jun juni juin junio giugno giu junho czerwca czerwiec haziran июн ιουνίου يونيو יוני kesäkuuta kesäkuu "
    "června červen június iunie червня birželio jūnijs juuni lipnja",
    "july jul juli juillet juil julio luglio lug julho lipca lipiec temmuz июл ιουλίου يوليو יולי heinäkuuta "
    "heinäkuu července červenec július iulie липня liepos jūlijs juuli srpnja",
    "august aug août aout agosto ago augustus augusti sierpnia sierpień ağustos август αυγούστου أغسطس اغسطس "
    "אוגוסט elokuuta elokuu srpna srpen augusztus серпня rugpjūčio augusts kolovoza",
    "september sept sep septembre septiembre setiembre settembre set setembro września wrzesień eylül сентябр "
    "σεπτεμβρίου سبتمبر ספטמבר syyskuuta syyskuu září szeptember septembrie вересня rugsėjo septembris rujna",
    "october oct oktober okt octobre octubre ottobre ott outubro out października październik ekim октябр "
    "οκτωβρίου أكتوبر اكتوبر אוקטובר lokakuuta lokakuu října říjen október octombrie жовтня spalio oktobris "
    "oktoober",
    "november nov novembre noviembre novembro listopada listopad kasım ноябр νοεμβρίου نوفمبر נובמבר marraskuuta "
    "marraskuu listopadu noiembrie листопада lapkričio novembris studenoga",
    "december dec dezember dez décembre decembre déc diciembre dic dicembre dezembro grudnia grudzień aralık "
    "декабр δεκεμβρίου ديسمبر דצמבר joulukuuta joulukuu prosince prosinec decembrie грудня gruodžio decembris "
    "detsember prosinca",
)


_WORDS = sorted(set(" ".join(MONTHS).split()), key=lambda word: (-len(word), word))
_MONTH = "(?:(?:" + "|".join(_WORDS) + ")(?:(?<=[а-я])[а-я]{1,2})?)"
# Those that are no other word and no short form.
_LONG_MONTH = (
    "(?:"
    + "|".join(word for word in _WORDS if len(word) > SHORTEST_LONG and word not in ("march", "maart", "marts"))
    + ")"
)
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
    r"|fall(?:zahl|akte)?\.?-?(?:nr|nummer)|akte(?:n?-?(?:nr|nummer|zeichen))?|kassenzeichen|sygn(?:atura)?|dosya(?: no)?|№"  # noqa: E501
    r"|personn(?:ummer|r)|cpr|f[øo]dselsnummer|fnr|svnr|sv-nr|ahv|codice fiscale|c\.f|numero|utente|sécu(?:rité sociale)?|afiliaci[oó]n"  # noqa: E501
    r"|kimlik|r\.? ?č|rodné číslo|taj|cnp|αμκα|ת\.ז|ins|uhid|aadhaar|nric|hn|file no|case no|x-?ray no|ref no|reg no|regn"  # noqa: E501
    r"|身份证|医保|保険証|受付番号|주민|차트번호|رقم"
    r"|auftrags?\.?-?(?:nr|nummer)?|n[°º]|dossier|expediente|historia(?: cl[ií]nica)?|encounter"
    r"|снилс|полис|карта|история|病历号|住院号|门诊号|检查号|登录号|病歴番号|患者番号|患者id|등록번호|환자번호|账号|account"
)
_PHONE_LABEL = (
    r"tel(?:ephone|efon|éfono|efono|\.)?|tél(?:éphone)?|ph(?:one)?|fax|cell|mobile|handy|mobil|pager|bleep|piper|beeper|ext"
    r"|extension|durchwahl|dect|móvil|cellulare|телефон|тел|电话|電話|手机|전화|هاتف|טלפון|whatsapp|cel|tlf|gsm|mob"
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
    r"(?<![^\W_])id\s?[=:#]\s?[\w./-]*\d[\w./-]*",
    r"(?<![\w.])\(?0\d{2,4}\)? ?/ ?\d{3,}(?: \d{2,})*(?!\w|\.\d)",
    r"(?<![\w])[a-z]{6}\d{2}[a-z]\d{2}[a-z]\d{3}[a-z](?!\w)",
    r"(?<!\w)\d{3}-\d{2}-\d{4}(?!\w)",
    r"(?<![\w.])756\.\d{4}\.\d{4}\.\d{2}(?!\w)",
    r"(?<![\w.])0\d(?:[ .-]?\d{2}){4}(?!\w|\.\d)",
    r"(?<![\w.])\d{1,4}(?: \d{2,4}){4,}(?!\w|\.\d)",
    # names in hexadecimal figures and in base 64
    r"(?<![0-9a-z])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12,}(?![0-9a-z])",
    r"(?<![0-9a-z+/_-])(?:(?=[a-z+/]*\d)[0-9a-z+/]{20,}={0,2}|[0-9a-z+/]{10,}={1,2})(?![0-9a-z])",
)
_WEEKDAY = (
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|tues?|thu(?:rs)?|fri|(?:mon|wed|sat|sun)[.,]"
    r"|(?:mon|diens|donners|frei|sams|sonn)tag|mittwoch|sonnabend|(?:mo|di|mi|do|fr|sa|so)[.,]"
    r"|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|mi[eé]rcoles|jueves|viernes|s[aá]bado|domingo"
    r"|luned[iì]|marted[iì]|mercoled[iì]|gioved[iì]|venerd[iì]|sabato|domenica|(?:segunda|ter[cç]a|quarta|quinta|sexta)(?:-feira)?"
    r"|maandag|dinsdag|woensdag|donderdag|vrijdag|zaterdag|zondag|(?:mån|tis|ons|tors|fre|lör|sön|man|tirs|fre|lør|søn)dag"
    r"|poniedziałek|wtorek|środ[aę]|czwartek|piątek|sobot[aę]|niedziel[aę]|понедельник|вторник|сред[ау]|четверг|пятниц[ау]"
    r"|суббот[ау]|воскресенье|pazartesi|salı|çarşamba|perşembe|cuma|cumartesi|pazar|(?:星期|周|週)[一二三四五六日天]|[月火水木金土日]曜日|[월화수목금토일]요일)"
)
_NINETY = r"(?:ninety|hundred|neunzig|\w{3,6}undneunzig|hundert|quatre-vingt-(?:dix|onze|douze|treize|quatorze|quinze|seize)|cent|noventa|novanta|negentig|\w{3,5}ennegentig|nittio|halvfems|dziewięćdziesiąt|девяносто|doksan|ενενήντα|yhdeksänkymmentä|devadesát|kilencven)"  # noqa: E501
# Days in words, whole days in figures and great ages: signs in any text, because no version is written like them.
_IN_WORDS = (
    rf"(?<![^\W_])\d{{1,2}}(?:st|nd|rd|th|er|º|ª|\.)?[\s.,/_-]{{0,3}}(?:of |de |di |d['’]|der? )?{_MONTH}(?![^\W\d_])(?:[\s.,/_-]{{0,3}}(?:of |de |del |di )?(?:{_YEAR}|['’]?\d{{2}}))?(?!\d)",  # noqa: E501
    rf"(?<![^\W_]){_MONTH}(?![^\W\d_])[\s.,/_-]{{0,3}}(?:the )?\d{{1,2}}(?:st|nd|rd|th)?[\s.,/_-]{{1,3}}(?:of |de |del )?(?:{_YEAR}|['’]\d{{2}})(?!\d)",  # noqa: E501
    rf"(?<![^\W_]){_MONTH}(?![^\W\d_])[\s.,/_-]{{0,3}}(?:de |del |of )?{_YEAR}(?!\d)",
    rf"(?<!\d){_YEAR}[\s.,/_-]{{1,3}}{_MONTH}(?![^\W\d_])(?:[\s.,/_-]{{1,3}}\d{{1,2}})?",
    rf"(?<!\w){_MONTH} \d{{1,2}}(?:st|nd|rd|th)(?!\w)",
    rf"(?<!\w)(?:the )?{_ORDINAL}(?: day)?(?: of)? {_MONTH}(?![^\W\d_])(?:,? (?:{_YEAR}|{_SPOKEN_YEAR}))?",
    rf"(?<!\w){_MONTH} (?:the )?{_ORDINAL}(?:,? (?:{_YEAR}|{_SPOKEN_YEAR}))?(?!\w)",
    rf"(?<!\w){_LONG_MONTH} \d{{1,2}}(?![\w.]|\s?(?:mm|cm|x|%|days?|weeks?)(?!\w))",
    rf"(?<!\w){_WEEKDAY}[,.]?\s{{1,2}}{_MONTH}(?![^\W\d_]) \d{{1,2}}(?!\d)",
)
_DAYS = (
    rf"(?<!\w){_WEEKDAY}[,.]?\s{{1,2}}(?:the |le |den |der |dem |o |el |il |na |w )?\d{{1,2}}(?![\d:])(?:\s?[./-]\s?\d{{1,2}}(?:\s?[./-]\s?\d{{2,4}})?)?\.?(?!\d|\s?(?:mm|cm|x|%|days?|weeks?)(?!\w))",  # noqa: E501
    rf"(?<!\d){_YEAR}[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:0?[1-9]|[12]\d|3[01])(?!\d)",
    rf"(?<!\w)(?:born|birth|geboren|jahrgang|jg\.?|né|née|nacid[oa]|nat[oa]|b\.|г\.р\.|рожд\w*)\W{{0,3}}(?:in |im |on |am |en |le |el |il |the )?(?:{_YEAR}|{_SPOKEN_YEAR}|'\d{{2}})",  # noqa: E501
    r"(?:昭和|平成|令和|大正|民国|民國)\s?\d{1,2}年?(?:\d{1,2}月)?(?:\d{1,2}日)?",
    r"(?<![\w.])(?:0?[1-9]|[12]\d|3[01])\s?(?P<one>[-./])\s?(?:0?[1-9]|1[0-2])\s?(?P=one)\s?(?:19|20)\d{2}(?!\d)",
    r"(?<![\w.])(?:0?[1-9]|[12]\d|3[01]) (?:0[1-9]|1[0-2]) (?:19|20)\d{2}(?!\d)",
    r"(?<![\w.])(?:0?[1-9]|1[0-2])\s?(?P<two>[-/])\s?(?:0?[1-9]|[12]\d|3[01])\s?(?P=two)\s?(?:19|20)\d{2}(?!\d)",
    rf"(?<![\w./-])(?:0?[1-9]|1[0-2])\s?[-./]\s?{_YEAR}(?![\w]|[./-]\d)",
    rf"(?<![\w./-]){_YEAR}-(?:0[1-9]|1[0-2])(?![\w]|[./-]\d)",
    r"(?<![\w.])\d{1,2}\s?tháng\s?\d{1,2}(?:\s?năm\s?\d{4})?",
    r"[〇一二三四五六七八九十百千零两]{1,4}[年月]\s?[〇一二三四五六七八九十零]{1,4}[月日号號](?:\s?[〇一二三四五六七八九十零]{1,4}[日号號])?",
    r"(?:[일이삼사오육칠팔구십백천]{2,}년\s?)?(?:[일이삼사오육칠팔구십유시]{1,3}월)\s?[일이삼사오육칠팔구십]{1,4}일",
    # great ages single people out
    r"(?<![\d.])(?:9\d|1[01]\d)[ -]?(?:years?|yrs?|y/?o|y|j|jahre?|j(?:ä|ae)hr\w*|jarige?|jaar|летн\w*|letni\w*|let[áýé]\w*|let|enne|ans|años|anni|anos|ani|лет|года?|років|роки|yaş\w*|ετών|ετων|χρον\w*|éves?|év|år(?:ig\w*)?|vuotias|vuotta|שנ\w+|سنة|عام\w*|岁|歲|歳|才|세|살)(?![^\W\d_])(?:[ -]?(?:old|gammel))?",  # noqa: E501
    r"(?<!\w)(?:aged?|alter|âgée?(?: de)?|edad|età|idade|leeftijd|wiek|возраст|ηλικία|yaş|בת|בן|عمر\w*|年龄|年齢|나이)\W{1,3}(?:9\d|1[01]\d)(?!\d)",  # noqa: E501
    r"(?<![\w.])(?:9\d|1[01]\d) ?[mfwМмЖж](?!\w)",
    rf"(?<!\w){_NINETY}\w*(?:[ -]+\w+){{0,3}}?[ -]*(?:years?|jahre?|jährig\w*|ans|años|anni|anos|let|лет|jaar|år)(?!\w)",  # noqa: E501
    # hours of a birth
    r"(?<!\w)(?:born|birth|geboren|geb\.?|née?|nacid[oa]|nat[oa]|nascid[oa]|ur\.|urodz\w+|рожд\w*|geboorte|född|født)\W(?:\D{0,20}[\d./-]{0,11})??\D{0,12}?\d{1,2}\s?[:.h]\s?\d{2}(?!\d)",
    r"(?<!\w)(?:time of birth|geburtszeit|heure de naissance|hora de nacimiento|ora di nascita|hora de nascimento)\D{0,6}\d[\d:.h]*",  # noqa: E501
)
# Signs in words that people typed.
_TYPED = (
    # numbers of citizens that begin with a day of birth: Belgian, Nordic, Czech, Baltic, Korean
    r"(?<![\w.])\d{2}(?P<three>[./-]?)\d{2}(?P=three)\d{2}\s?[-+/a]\s?\d{3,7}(?:[.-]\d{1,2})?[a-z]?(?!\w)",
    # days, in figures and in words
    r"(?<!\d)(?:0?[1-9]|[12]\d|3[01])\s?[-./]\s?(?:0?[1-9]|[12]\d|3[01])\s?[-./]\s?(?:19|20)?\d{2}(?!\d)",
    r"(?<![\d.])(?:0?[1-9]|[12]\d|3[01])\.(?:0?[1-9]|1[0-2])\.(?!\d)",
    r"(?<![\w./])(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])(?![\d/]|\s?mm)",
    rf"(?<!\w)(?:in|since|from|of|im|seit|von|aus|vom|en|depuis|desde|del|nel|dal|anno|year|jahr|año|v)\s+{_YEAR}(?![\d.])",
    rf"[*†(]\s?{_YEAR}\s?\)?",
    r"(?:(?:19|20)\d{2}|\d{2})\s?[年년]\s?(?:\d{1,2}\s?[月월]\s?)?(?:\d{1,2}\s?[日일号號])?",
    r"(?<!\d)\d{1,2}\s?[月월]\s?\d{1,2}\s?[日일号號]",
    # numbers
    r"(?<![0-9A-Za-z.])[A-Za-z]{0,4}[-_#]?\d{6,}[A-Za-z]?(?![0-9A-Za-z])",
    r"(?<![\w.])\d{5}(?!\w|\.\d)(?:-\d{4})?",
    r"(?<![\w.])[A-Za-z]{1,4}[-_/#]\d{4,}(?:[-_/]\w+)?(?!\w)",
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
    r"(?<!\w)(?!T\dN\dM\d)(?-i:[A-Z]\d[A-Z] ?\d[A-Z]\d)(?!\w)",
    r"(?<!\w)p\.?\s?o\.?\s?box\s*\d+",
    r"(?<!\w)(?:room|rm|zimmer|zi|bed|bett|ward|station|suite|apt|apartment|floor|etage|chambre|lit|habitación|cama|stanza|letto|quarto|leito|палата|койка|кв|pokój|sala)\b\.?\s*(?:no\.?|nr\.?|#|n°)?\s*(?:[a-z]{0,2}\d[\w-]*|(?-i:[A-Z])(?!\w))",
)  # fmt: skip
# letters set wide apart, cut off or not
APART = re.compile(_APART)
HAS_MONTH = re.compile(rf"(?<![^\W\d_]){_MONTH}(?![^\W\d_])", re.IGNORECASE)


def signs_of(text: str, *, is_typed: bool) -> Iterator[tuple[int, int]]:
    """Yield the places of signs of identity.

    Parameters
    ----------
    text : str
    is_typed : bool
        Whether people typed the text; in other texts, versions and models look like some of the signs.
    """
    # a month is rare, and most of the patterns are about one
    kinds = (_ALWAYS, _DAYS, *([_IN_WORDS] if HAS_MONTH.search(text) else []), *([_TYPED] if is_typed else []))
    for kind in kinds:
        yield from (found.span() for found in _compiled(kind).finditer(text))


@lru_cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{part})" for part in patterns), re.IGNORECASE)
