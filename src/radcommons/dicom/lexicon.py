"""Words that clinical descriptions are made of; a word that stands here is taken for no name.

The lexicon is small on purpose: a missing word costs a description a word, a name in it could cost a person more.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

from radcommons.dicom._tables import terms, vocabulary
from radcommons.dicom._tables.words import WORDS
from radcommons.dicom.text_fold import LETTERS_ONLY, fold, is_unspaced_script, keys
from radcommons.dicom.text_unspaced import foreign_runs

CAMEL = re.compile(r"[A-Z][a-z]+")
SHORTEST_PART = 3
SHORTEST_STEM = 4
SHORTEST_TERM = 4
ENGLISH = """
microvolt millivolt milliseconds millisecond minute minutes degree degrees millimeter millimeters centimeter
pathology finding section library significant normality research segmentation unverified abd abdo abdomen about
acute add adult after air all amb and angio ante apical appearance are arm arms art arterial as asthma at
atypical axial background base bedside before bilateral biopsy body bolus bone both brain breath breathhold
breathing but by calcified calcification cancer cardiac case cavity chest child chronic clear clin clinical
coarse comp comparison compatible complete con confluent congestion consistent consolidation consolidations cont
contr contrast control cor coronal corona coronavirus cough coughs coughing covid call crazy crossed cta ctpa
cxr day days deep delayed demonstrate demonstration detected diag diffuse disease distal distribution document
dose down dry due dual dyn dynamic dyspnea dyspnoea early edema effusion effusions elderly emergency emphysema
enlarged erect evidence exam examination example exercise exp expiration expiratory expired ext extensive fast
fever fil fine first flash follow followup for form free from front frontal full fungal ggo glass granuloma
ground group halo has have head heart helical hernia high hilar hip history hrct image images imaging impression
in increased increase indeterminate infection infectious infective infiltrate infiltrates insp inspiration
inspiratory interstitial interval intravenous is isotropic joint kernel kidney knee kub large lat lateral left
lesion lesions level limited line linear liver lobe lobes local loc localiser localizer low lower lung lungs
lymph main marked markings mass medi mediastinal mediastinum mid middle mild minimal minip mip moderate monitor
most motion mpr mra mri multi multifocal multiplanar nasal native neck negative new nodes nodule nodules non
noncontrast none normal not num obese obl oblique of old on one opacification opacities opacity oral other
outside paed paeds patchy patient patients paving pcr ped pediatric pelvis peripheral phase phases placement
plain plane plus pneumonia pneumonitis portable portal position positive post posterior pre predominantly
pregnant presence present prior probable probably prone prot protocol pulm pulmonary quality quick rad
radiograph radiographic radiographs radiology rec recon recons reconstruction referred reflex reformat regular
report res rescale resolution resp resting result reticular review rib ribs right rotated routine row sag
sagittal sars scan scanogram scans scout screen screening see seen segment seg selected septal sequence ser
series severe sharp short shoulder shows side signs since single sitting size slice slices small smooth soft
spine spiral stable standard standing std stat status study subpleural superior supine supplementary suspected
swab symptomatic symptoms syndrome take taken technique test the there thick thickening thin thor thorac
thoracic thorax three throat tissue tomo tomography tra trace trans transversal transverse trauma tube
tuberculosis tumor tumour two typical ultra uncompressed under unilateral unremarkable upper upright
uncomplicated vascular venous vent ventilation vessel vessels view views viral vol volume wall was week weeks
weight were whole wide width with within without wnd word wt year years zone zones alveolar lossless lossy
reversible irreversible jpeg rescaled rows dummy phantom synthetic topogram surview scoutview dosereport
reformatted axials coronals sagittals nativ cect ncct ldct lowdose hires highres angiogram pulmonal embolus
emboli embolism thrombus aneurysm dissection rule out query evaluate evaluation eval suspicion outpatient
inpatient stretcher wheelchair mobile bed table film detector grid nogrid decubitus unit ecg scaled osteoporosis
testing investigational use only this tested approved application software output compression factor ratio
damaged valve fibroma ossifying tibia file set systems title encounter treatment planning system here name angle
aortic calcium score coronary stent ablation port catheter drain known metastasis metastases oncology surgery
postoperative preoperative postop preop subacute fracture pain shortness hypoxia oxygen saturation transplant
smoker nonsmoker smoking diabetes hypertension copd immunosuppressed hiv dialysis pacemaker sats spo2 wait waits
waiting
"""
GERMAN = """
abdomen aufnahme aufnahmen axial bauch becken befund beidseits bett brustkorb dosis drei duenn durchleuchtung
ebenen einatmung erguss exspiration fieber frage fragestellung ganz gefaess gefaesse halb hals herz husten
infektion infiltrat infiltrate inspiration knie knochen kontrast kontrastmittel kontrolle kopf koronar leber
leer links liegend lunge lungen lungenarterie lungenembolie lungenentzuendung mit mittel nach nativ niedrigdosis
niere nieren oberbauch oberes ohne patient pneumonie portalvenoes rechts rekonstruktion rippen routine ruecken
sagittal schaedel schicht schichten schulter seitlich serie sitzend staging stehend studie thorax uebersicht
unauffaellig untersuchung unteres verdacht verlauf verlaufskontrolle vor weichteil weichteile weichteilfenster
lungenfenster knochenfenster wirbelsaeule halsschmerz zustand
"""
ROMANCE = """
abdome abdomen abdominal agudo agua apnee arteriel arterielle aspiracion avec axial axiale basse bilateral bras
cabeza cadera cerebral cervical coeur coupe coupes columna con contraste contrasto controle control controllo
cor corazon coronal coronale cou costillas cote coude craneo crane cranio cuello debout decubito decubitus
derecha derecho dereita destra destro diretta dose douleur droit droite encefalo epaule esquerda esquerdo
estudio estudo etude examen exame esame espiracion espirazione expiration expiracao fase faccia face fievre
febbre fiebre figado fegato foie frontal frontale gauche genou genu giuntura hanche hepatique higado hombro
inspiracion inspiracao inspirazione izquierda izquierdo jambe lateral laterale letto lombaire lumbar lombare
medios mediastin mediastino mediastinico mediastinal muscle native nativo niveau os ossa osseux osso parenchyme
parenchimale parenquima pecho pelvis pelvien pelvico pied pneumonie polmonare polmone polmoni pomo poumon
poumons polmonite posteroanterior profil profilo proiezione proiezioni pulmon pulmonaire pulmonar pulmones
radiografia radiographie rachis reconstruction reconstruccion ricostruzione renal reins rins rodilla sagital
sagittale sans sem senza sin sinistra sinistro standard suite temps tac tdm telecuore tete testa thoracique
thorax thoracoabdominal toracica toracico torace torax toux tos tosse tronc tres tutte une venoso veineux
vertebral volumen vascular ventana fenetre finestra mediastinale espessura epaisseur spessore neumonia
pneumopathie infezione infeccion
"""
DUTCH_AND_NORDIC = """
borst buik longen thorax hoofd hals bekken links rechts met zonder voor achter zijde opname liggend staand
lunger brystkasse bryst hjerte mage venstre hoyre med uten stede lungor hoger vanster utan
"""
MAKERS = """
acuson agfa aquilion artis ascend avanto biograph brilliance canon carestream centricity corporation cvi
definition discovery drive drx dxd edge edition elekta elscint emotion eos esaote evolution film flash force
fuji fujifilm gendex general genesis gevaert gmbh healthcare hitachi hologic inc incisive ingenuity innova iqon
kodak konica lightspeed ltd luminos magnetom marquette mec medical medison medtronic mindray minolta mobilett
mobile neusoft nmr ohif optima orthanc osirix perspective philips photo photon pydicom precision prime prospeed
quantum revolution samsung scope sectra sensation shimadzu siemens healthineers signa somatom sonosite spectral
supria symbia syngo systems technologies toshiba trex ultra united unity varian vereos vision vivid voluson
xpert ysio digitaldiagnost duradiagnost essenta plus definium precedence imaging company radcommons highdicom
dcmtk gdcm quantax access performance asir asirv aidr idose imr safire admire vibe haste tse tirm stir dwi adc
epi flair
"""
# Words of vendors' protocol and kernel names, and of the values of CS attributes.
CODES = """
mmhg recist ncov cov fdg tc mtc fluorodeoxyglucose birads lirads pirads tirads fleischner spo psma suv gleason bosniak
agatston fazekas covid sars
bochdalek hounsfield kerley morgagni hodgkin wegener crohn alzheimer parkinson bankart couinaud lisfranc schatzker
enhanced unenhanced filling angle angles
manu cmx black white ris brightfield catheterization dapi epifluorescence heading hematoxylin eosin wax scoord tcoord
pname uidref acq dcmr ybr lin rel elec edr npw pff sense tfe labelmap rtstruct rtplan rtdose rtimage ann syn wsd nrgy
fcr ihe csi epicardial mrt tps epiq logiq ijg mcr apl avf avl avr nuclei drum enter guess presume electrophoresis
athorax thoraxroutine abdomenroutine combi dsct adaptive aec auto automa axials bonebody bw boneplus care
caredose chst detail derived dose edge filter flat fov gantry hcc hct helix iq iso kv lungen mas max min mono
mov normal norm original primary secondary other resampled reformatted mixed projection image average maximum
minimum volume result smartma smart standard std soft sure surestart tho thick thin ultra vct wo wwo xr xray
xrays yes wob wfov dlp ctdi kern knochen lungb lung mediast medium nat noncon pv pe pa ap ll rl hfs ffs hfp ffp
hfdr hfdl ffdr ffdl bowtie cu al signed unsigned digitized localizer axial cmb subtraction spi som tolerant
extremity wholebody caudal cranial lateral trunk tspine lspine cspine ctspine tlspine lower upper arm leg hand
foot wrist ankle elbow forearm femur humerus jaw skull sinus orbit breast clavicle scapula sternum rib coccyx
sacrum bladder prostate uterus ovary thyroid pancreas spleen stomach colon esophagus aorta heart circleofwillis
chestabdomen chestabdpelvis chestabdpelv abdomenpelvis headneck neckchest chest to pelvis abdpel abdpelv
chestabd headnecktrunk thoraxabdomen lungscreen hrthorax
"""
# Words of scanners, coils, reconstructions and kernels that are no words of any language.
SCANNERS = """
a aaa abd acl aera afib aip aki allegra amira aml ards artis ascent asl aspire ax axiom azurion bal biograph blade bnp
body bonepl boneplus bph br brain brainstem brightspeed bssfp ca cap cardiac care caredose cbd ccu cect chemo chestpl
chf chiasm ciss ckd clarity clearview cochlea combiapplications cop copd cor couch cp cr crp crt ct cta ctd ctdivol
ctpa ctv ctvs cva cvc ddx deidentified detail dicom dip dixon dki dlco dm drx dti dx dyn ebus ecg ecog ed edan edh
eeg ef emg enhanced epi er ercp esi esrd ett evo excel ext external fbp fev fh fiesta flash flashct fs fse fvc fx gb
gbm gd ge gemini gemstone genesis genius gerd ggn ggo gre grow gsi gtv gtvs hap haste hcc hd hfpef hfref hgb highlight
hitachi hld hpi hrct htn hyperion ibd icbm icd ich iconvolution icu idose igrt igtv ikon imrt in incisive ingenia
inphase intellispace ipf irse isodose iterative itk itv ivc ivim ivu kps kub lad larynx lbbb lca lcl lcx ldct lens lft
linac lip lll llq ln lns lul lungpl lungplus lungs luq lvef mandible mbir mcl met mets mg mi micu mitk mlc mobilett
monai mprage mr mrcp ms nad ncct neuro nexaris ngt nicu nkda nm nnunet nsip numpy oa oar oars obl opencv opp or orif
oropharynx osem osem3d osmd out outphase p pa pacu parotid pci pcl pe pelv performix pft philips picc picu pmh pmod pn
post potential pre prodigy propeller psa psf psh psn pt ptv ptvs pulmo python qualix ra radspeed rb rbbb rca rcc
refinity region regiongrow regiongrowing resolution revolution rf ribs rll rlq rml roi rois ros rotate rt rul ruq rx
sag sah sbrt sdh se seg sensation sh sicu skyra sle slicer smartscore snapshot sob sola somaris space spair spectra
spinalcord spir sr ssfse standardpl standpl star stir strato sub subtracted svc svt swi symphony syngo syngovia tavi
tavr tbb tbnb tha threshold thresholding tia tips tka tnm tof tonsil totalsegmentator tra trio truefidelity truex
trufi tse uc uip ultimate unet unofficial us uti vap vats vb vct veo verio vibe vida viewforum visaris vmat vt water
wbc wle wnl xa xact xcare xcelera xplore zenition
achieva intera affiniti astelion activion asteion titan vantage galan xario aplio sonialvision mobiledart neuviz drgem
aerodr selenia dimensions lorad scenaria eclos multix polydoros fluorospot brivo mobilediagnost eleva naeotom lightning
elara compressix proteus senographe innovation nautil sonoace accuvix logiq versana amulet sonialvision trinias
"""
AGENTS = """
accupaque bracco dotarem eovist gadovist gastrografin imeron iomeron iomeprol iopamiro isovue magnevist
multihance omnipaque omniscan optiray oxilan primovist prohance solutrast telebrix ultravist visipaque xenetix
iopamidol iohexol
"""
_LISTS = (
    AGENTS, WORDS, ENGLISH, GERMAN, ROMANCE, DUTCH_AND_NORDIC, MAKERS, CODES, SCANNERS, vocabulary.ENGLISH, vocabulary.PEOPLE_AND_DRUGS,  # noqa: E501
    vocabulary.GERMAN, vocabulary.FRENCH, vocabulary.SPANISH, vocabulary.ITALIAN, vocabulary.PORTUGUESE,
    vocabulary.DUTCH_NORDIC_POLISH, vocabulary.ARABIC, vocabulary.HEBREW,
)  # fmt: skip
# Words of the lists above that more often are somebody.
_PEOPLE = frozenset(
    {"young", "vida", "sola", "amira", "allegra", "inga", "jamie", "dano", "nuno", "clements", "una", "uma", "li"}
)
LEXICON = frozenset(key for words in _LISTS for word in words.split() for key in keys(word)) - _PEOPLE
TERMS = frozenset(terms.WORDS.split())
STEMS = tuple(
    fold(stem)
    for stem in (*vocabulary.CYRILLIC_STEMS.split(), *vocabulary.GREEK_STEMS.split())
    if len(fold(stem)) >= SHORTEST_STEM
)
SHORT_STEMS = frozenset(
    fold(stem)
    for stem in (*vocabulary.CYRILLIC_STEMS.split(), *vocabulary.GREEK_STEMS.split())
    if len(fold(stem)) < SHORTEST_STEM
)
# Greek and Latin roots with the endings of diseases, operations and pictures; the endings alone also close names.
_ROOTS = (
    "arthr|bronch|hepat|nephr|pneum|pulm|cardi|gastr|enter|coli|colo|kolo|appendi|append|pan[ck]reat|chol|cyst|zyst|pyel|"
    "myel|en[ck]ephal|mening|neur|myo|oste|chondr|derm|vas[ck]ul|arteri|phleb|thromb|angi|lymph|aden|splen|th[yi]r|mast|"
    "mamm|prostat|orch|oophor|salping|hyster|uter|ovari|laryng|pharyng|trache|sinus|rhin|ophthalm|retin|kerat|gingiv|"
    "stomat|gloss|sial|parotid|o?esophag|duoden|jejun|ileo|sigmoid|proct|re[ck]t|divertic?[uk]*l|periton|pleur|peri[ck]ard|"
    "endo[ck]ard|myo[ck]ard|[ck]arcin|[ck]arzin|sarc|sark|lip|fibr|glio|blast|melan|hemangi|haem|haemat|hemat|hemo|leu[ck]|"
    "thrombocyt|erythr|anaem|anem|is[ck]h|hypo|hyper|bacter|virol|septi[ck]|tox|radio|ultraso|sono|echo|e[kl]e[ck]tro|"
    "spiro|tomo|veno|uro|thora[ck]o|laparo|cranio|[ck]erebr|spondyl|s[ck]ler|sten|steat|[cz]irrh|kyph|lord|s[ck]oli|"
    "atel|emphys|asbest|sili[ck]o|anthra[ck]|tubercul|tuberkul|histopl|aspergill|[ck]andid|toxopl|lob|segment|strum|vertebr|"
    "[ck]ostal|dia[ck]?phragm|mediastin|hil|alveol|interstit|infiltr|[ck]onsolid|e[fr]gu"
)
_ENDINGS = (
    "itis|itic|itiden|oses?|osis|osen|otic|emia|aemia|aemie|emic|uria|urie|e[ck]tom(?:y|ies|ie|ien|ia)|"
    "otom(?:y|ies|ie|ien|ia)|ostom(?:y|ies|ie|ia)|plast(?:y|ies|ik|ie|ia)|s[ck]op(?:y|ies|ie|ien|ia|ic|isch)|"
    "gra(?:ph|f)(?:y|ies|ie|ic|isch|ia|ii|iya)|gram(?:s|m|me|mes|ma)?|path(?:y|ies|ie|ic|ia)|megal(?:y|ie|ia)|"
    "algia|algie|e[ck]tasi[as]|e[ck]tasien?|trophy|trophie|trophic|plasia|plastic|penia|cyt(?:es|ic|osis)|lysis|lytic|"
    "rrhag(?:e|ic|ia|ie)|rrh(?:o)?ea|ptysis|thorax|thoraces|cardi(?:a|ac|al|um)|pn(?:o)?ea|phagia|plegi[ac]|paresis|"
    "omata|omas?|ome[ns]?|entzuendung(?:en)?|erguesse|verdacht|metastasen?|fra[ck]turen?|untersuchung(?:en)?|"
    "zeichnung|ulaer[en]*|ulare?[sn]?|iert[en]*|ierung(?:en)?|ation(?:s|en)?|azione|azioni|acion(?:es)?"
)
MEDICAL = re.compile(rf"(?:{_ROOTS})[a-z]{{0,12}}?(?:{_ENDINGS})")
_BEGINNINGS = re.compile(
    "un|sub|bi|non|re|post|pre|para|peri|trans|intra|extra|supra|infra|hyper|hypo|multi|poly|pseudo|retro|inter|juxta|ipsi|"
    "contra|antero|postero|latero|cranio|caudo|thoraco|broncho|pneumo|cardio|hepato|nephro|gastro|osteo|over|unter|ueber"
)


@lru_cache(maxsize=32768)
def is_clinical(word: str) -> bool:
    """Say whether a word, or all the letters in it, are known not to be a name: clinical, or plain English."""
    return all(_is_known(run) or fold(run) in english_words() or _is_terms(run) for run in LETTERS_ONLY.findall(word))


def _is_terms(run: str) -> bool:
    return is_unspaced_script(run) and not any(foreign_runs(run))


@lru_cache(maxsize=16384)
def is_core(word: str) -> bool:
    """Say whether all the letters in a word are clinical words, or put together of such."""
    return all(_is_known(run) for run in LETTERS_ONLY.findall(word))


def is_term(run: str, tag: int = 0) -> bool:
    """Say whether letters are a word of a Defined Term or Enumerated Value of PS3.3, or short for one.

    A word that is somebody's name as well holds in its own attribute alone.
    """
    folded = fold(run)
    return (run.isascii() and len(run) < SHORTEST_TERM) or folded in TERMS or folded in terms.NAMED.get(tag, ())


def is_listed_name(word: str) -> bool:
    """Say whether a word is somebody's name somewhere; many clinical words are as well."""
    return fold(word) in listed_names()


def _is_known(run: str) -> bool:
    folded = fold(run)
    if "\u0370" <= run[0] <= "\u052f":
        return _bends_from_stem(run, folded)  # Алла is no Italian alla
    if folded in LEXICON or keys(run) & LEXICON:
        return True
    if len(folded) < 2 * SHORTEST_PART + 2 or folded in listed_names():
        return False
    if MEDICAL.fullmatch(folded):
        return True
    before = _BEGINNINGS.match(folded)
    if before and len(folded) - before.end() > SHORTEST_STEM and folded[before.end() :] in LEXICON:
        return True
    # ImagePositionPatient: keywords of the standard
    parts = CAMEL.findall(run)
    if len(parts) > 2 and "".join(parts) == run and all(part.lower() in LEXICON for part in parts):
        return True
    # ThoraxRoutine, Lungenfenster: two known words written as one
    return any(
        folded[:cut] in LEXICON and folded[cut:] in LEXICON
        for cut in range(SHORTEST_PART + 1, len(folded) - SHORTEST_PART)
    )


def _bends_from_stem(run: str, folded: str) -> bool:
    if run[0] < "\u0370" or run[0] > "\u052f":
        return False
    # a stem of four letters carries any ending, a shorter one the few that short words have; Лев is a name, лев. a side
    if run[0].isupper() and folded in listed_names():
        return False
    if folded in SHORT_STEMS or any(folded[: len(folded) - cut] in SHORT_STEMS for cut in (1, 2) if len(folded) < 6):
        return True
    return folded.startswith(STEMS) and folded not in listed_names()


@lru_cache(maxsize=1)
def english_words() -> frozenset[str]:
    """Return English words that are nobody's surname; read when a word is first in doubt."""
    return _listed("english.txt")


@lru_cache(maxsize=1)
def listed_names() -> frozenset[str]:
    """Return names of many countries in folded form."""
    return _listed("names.txt")


def _listed(name: str) -> frozenset[str]:
    text = files("radcommons.dicom").joinpath("_tables", name).read_text(encoding="utf-8")
    return frozenset(text.partition("\n")[2].split())
