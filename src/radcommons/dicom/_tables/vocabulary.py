"""Words of clinical descriptions and reports beside the English ones, written for this project, by language.

Small words that join sentences stand here too; words that are also frequent names do not.
"""

ENGLISH = """
abnormalities abnormality abscesses absence acquired adenopathy adhesions adjacent admitted advised airspace airway
airways albeit all alveoli an ant anterolateral antibiotics any aorta apex apices appearances appear appears appointment
approximately areas around artefact artefacts artifact artifacts asked aspect aspects assess assessment associated
asthmatic asymmetric asymptomatic at atelectatic attenuated attenuation auscultation autoimmune available aware away
axilla back bacterial band bands bases basilar be became because become been began being below best better between bigger
biopsied bleeding blood blunted blunting body border borders born breathless bronchial bronchiectasis bronchiectatic
bronchitis bronchoscopy bronchovascular bronchus brought burn bypass calcifications calcifying call called calls came can
cannot cannula carcinoma cardiologist cardiology cardiomegaly cardiopulmonary cardiothoracic care carina caused causes
cavitary cavitation cell cells central centrally centrilobular certain change changed changes chemotherapy childhood
chills cholecystectomy chronic circumscribed clinic clinically clinician close clot clots coil cold collapse collapsed
collection comfortable coming comment comments compared compares complaining complains complaint complaints completed
complication complications compression concern concerning concerns conclusion condition confirm confirmed confirms
consent consider considered consistent constipation consultant contacted contour contours contralateral contusion could
course cultures currently cyst cystic cysts cytology daily data day dead death decreased decrease deep defined deformity
degenerative delayed delivery demonstrates dense densities density depressed dermatomyositis described developed
deviation device devices diabetic diagnosed diagnoses diagnosis diagnostic did died difference differential difficult
difficulty diffusely dilatation dilated dilation diminished discharge discharged discomfort discuss discussed dislocation
displaced displacement distended distension dizziness do doctor does doing done doubt down drainage drug drugs during
each east ecg echo eccentric edematous effect either elevated elevation emphysematous empyema endobronchial
endotracheal enhancement enhancing enlargement enlarging enough erosion erythema especially esophageal etiology even
every exacerbation examined except exclude excluded exertion exposure extending extends extension extent extremities
extubated eye eyes fall falls fat fatigue features felt female few fibrosis fibrotic field fields films find finding
findings firm fissure fissures five fluid focal foci focus followed following foot found four fourth fractures free
freely frequent further gallbladder gallstones gas gastric general generalized get give given gives good graft
granulomas granulomatous gray grey gross grossly growth guidance had half hand handed hazy he headache heal healed
healing health heavy heel height hemidiaphragm hemidiaphragms hemithorax hemoptysis hemorrhage hepatic her here
hereditary hers herself hiatal hilum him himself his homogeneous honeycombing hospitalized hour hours how however hyper
hyperinflated hyperinflation hyperlucent hypertensive hypo ill illness immunocompromised impaired implant implants
improve improved improvement improving inadequate incidental include included includes including incomplete increasing
indicate indicated indicates indication indications infarct infarction infected inferior inferiorly inflammation
inflammatory infusion ingestion inhaled inhomogeneous injection injuries injury insertion instead insufficiency intact
intensive intermediate internal intervention into intrahepatic intrathoracic intubated intubation invasion involvement
involving irregular ischemia ischemic it its itself joints jugular just kept kindly knees known kyphoscoliosis kyphosis
labs laparoscopic laparotomy larger largest last latest laterally lead leads leakage least leave leg legs length less
lies life light like likely limb limit limitation limitations lingula lipid little lived lobar lobectomy lobulated
locally located location long longer longstanding loss lost lots lucency lucent lumen lymphadenopathy lymphangitic
lymphoma made mail mails maintained major make male malignancy malignant man mandatory margin margins massive mastectomy
matched maximal may mean means measured measurement measurements measures measuring medially medicine melanoma men
meningioma metal metallic metastasized metastatic midline midzone migrated minor minus miss missed missing mixed
moderately modified more morning mosaic mother motor moved movement moves much mucus mural muscle muscles myocardial
narrowed narrowing nasogastric nausea nearly necrosis necrotic need needed needle needs nephrectomy nerve never next
night nine no nodular nodularity nor note noted notes nothing notice now nothing number numerous nurse obliteration
obscured obstructed obstruction obstructive obvious occluded occlusion occupational office often oligemia once ongoing
only onset open operated operation operative opinion or order ordered organ organs orientation other others otherwise our
outlet outlined over overall overlying oxygenation pacer page pain painful palpable palpitations pancreatitis panel
paracardiac paraseptal paratracheal parenchyma parenchymal part partial partially partly parts past patch patches
pathologic pathological pattern patterns peak pediatrics penetrating per perforation perform performed perfusion
pericardial pericarditis pericardium perihilar period periphery peritoneal permission persist persistent persisting
persists person phlegm phone phoned phoning picc pigtail placed plaque plaques plate pleura pleural pleuritic please plus
pneumatocele pneumomediastinum pneumonectomy pneumoperitoneum pneumothoraces pneumothorax point poor poorly positive
possible possibly posteriorly postero posteroanterior postoperatively potential precaution preliminary presents presented
presenting preserved pressure preterm prevent previous previously primary problem problems procedure procedures process
processes productive program progress progressed progression progressive prominence prominent promptly proved proven
provided proximal pulse punctate purulent put quarter question questionable questions quite raised range rapid rate rather
ray reaction read reading ready reason recall receive received recent recently recommend recommendation recommended
recovered recovering recovery recurrence recurrent red reduced reduction reexamination referral referring refused regarding
region regional regions regression related relation relatively remain remained remaining remains remission remnant remote
removal removed renal repeat repeated replaced replacement request requested requests require required requires resected
resection residual resistant resolved resolving respiration respiratory response rest retention retrocardiac
retrosternal returned returns reveals reviewed reviews rheumatoid risk role rotation round rounded run runs rupture saddle
said same sample sarcoidosis sarcoma say says scapular scar scarring scars scheduled sclerosis sclerotic scoliosis seat
second secondary secretions sedation see seem seems segments segmental semi send sends sensation sent sepsis septic septum
serum set seven several shadow shadowing shadows she shift shifted shifting should show showed showing shown shunt
sick significantly silhouette sinuses site sites sixth six skeletal skin sleep slight slightly slowly smaller smear
smoked smokes so social solid some soon sore source south space spaces spasm specific specifically specimen
spiculated splenectomy splenomegaly spread sputum stage stages staging started state statements stay stays steatosis
stenosed stenosis stenotic step steroid steroids sternotomy still stomach stone stop stopped stress stroke structure
structures studied studies study subcarinal subclavian subcutaneous subpulmonic subsegmental substantial subtle
subtotal such sudden suggest suggested suggesting suggestive suggests supraclavicular sure surgeon surgical
surveillance suspicious suspect swallow swallowing sweats swelling swollen symmetric symmetrical symptom synovial
systemic tail takes taking targeted teeth telephone temperature tenderness tension term terminal terms tests than
thank that their them themselves then therapeutic therapy there therefore these they third this those though thorascopic
thoracotomy thrombosis through throughout thyroidectomy time times tip tissues today together told tolerated too took
torsion tortuous total touch toward towards toxic tracheal tracheostomy tract transferred translucency transplanted
transportation treat treated tree true try tubes tubular tumors turned twice twin type types ulcer ulcers ultrasound
unable unchanged unclear unclassified undergo undergoing undergone undetermined unexplained uneventful unfortunately
unhealthy uniform unknown unless unlikely unspecified unstable until up uptake upon urgent urgently urinary use used
useful using usual vaccinated vaccination vaccine valves variant variation various vascularity vasculature vein veins
ventilated ventricle ventricular verified versus vertebra vertebrae vertebral very via viable view visible visit visits
visual visualised visualized vital voice vomiting waiting walk walking wants ward warm warning washed water wave way we
weak weakness wedge wheeze wheezing when where whereas whether which while who whole whom whose why widened widening wider
widespread will window windows wire wires wires woman women won work worker worsen worsened worsening worse would wound
wounds year yellow yesterday yet zero zonal january february march april june july august september october november
december monday tuesday wednesday thursday friday saturday sunday rt lt bilat hx dx tx rx fx sx cm mm ml mg kg min hr sec
hu suv dlp ctdivol mgy mri pet spect us cxr tb ards ild gi iv npo nsclc pe dvt chf cad cabg icu er ed or po prn qid
diaphragm diaphragms costophrenic cardiophrenic azygos hila hilus sternal thyroid adrenals gallbladder spleen kidneys
"""
PEOPLE_AND_DRUGS = """
caucasian asian african american black white hispanic latino latina european native pacific islander indian arab mixed
unknown refused declined kaukasisch europaeer afrikanisch asiatisch weiss penicillin penicilline penicillina amoxicillin
ampicillin cephalosporin cephalosporins cefuroxime ceftriaxone sulfa sulfonamide aspirin ibuprofen paracetamol
acetaminophen codeine morphine opioids opiates latex iodine iodinated contrast gadolinium peanut peanuts nuts shellfish
egg eggs milk pollen dust mold bee wasp nickel adhesive tape vancomycin erythromycin azithromycin clindamycin
tetracycline doxycycline ciprofloxacin levofloxacin metformin insulin heparin warfarin statin statins prednisone
prednisolone dexamethasone remdesivir tocilizumab hydroxychloroquine favipiravir ivermectin methotrexate rituximab
cisplatin carboplatin pembrolizumab nivolumab metoprolol amlodipine lisinopril ramipril furosemide omeprazole
pantoprazole salbutamol albuterol nkda nka none known rash hives anaphylaxis pacemaker implant claustrophobia pregnant
engineer teacher farmer worker driver retired student smoker
"""
GERMAN = """
aber abfluss abgeklungen abgrenzbar abgrenzbare abklaerung ablagerungen ableitung abnahme abszess adenokarzinom aehnlich
aeltere akut akute akuten akuter akutes alle allem allergie allergien als also alt alte altem alten alter altersentsprechend
am an anamnese anamnestisch andere anderer aneurysma angehoben angemeldet angerufen anhalt anlage anruf ansicht antwort
anzeichen aorta aortenbogen ap apikal apikale apikalen arterie arterien arteriell asthma atelektase atelektasen
atemabhaengig atemnot atemwege auch auf auffaellig auffaellige auffaelligkeiten aufgehellt aufgehoben aufgrund aufhellung
aufklaerung aufweitung aus ausgedehnt ausgedehnte ausgepraegt ausgepraegte ausschluss ausserdem ausser axilla axillaer
bakteriell basal basale basalen basaler bds bedingt bedside befunde befundet befundung bekannt bekannte bekannter bekanntes klagt wohnhaft adipositas begleitend begleiterguss begutachtung
bei beide beiden beider beidseitig beidseitige beidseitigen belueftet belueftung belueftungsstoerung bereich bereits
beschrieben beschriebene beschwerden besserung bestaetigt besteht bestehend bestrahlung beurteilbar beurteilbarkeit
beurteilung bettlunge bifurkation bild bilder bildgebung bildmaterial bilateral bis blande blutung brachte breite bronchial
bronchiektasen bronchien bronchitis bronchopneumonie brust brustbein brustschmerz brustwirbelsaeule bws ct cm da dabei
danach dann dar darstellbar darstellung darunter das dass datum dauer deckplatte defekt degenerativ degenerative degenerativen
dem den denn der deren deutlich deutliche deutlichen diagnose diagnosen diagnostik dialyse dichte die dies diese diesem diesen
dieser differenzialdiagnostisch diffus diffuse direkt distal diskret diskrete doch dorsal dorsale dorsalen drainage drainagen
druck durch durchgefuehrt dyspnoe echo eher ein eine einem einen einer eines einlage einliegend einliegende einmal einschluss
einseitig einverstaendnis ekg elektiv embolie emphysem emphysematoes endotracheal entlassung entlastet entsprechend
entzuendlich entzuendliche entzuendung er erbeten ergebnis erguesse erhalten erhoeht erhoehte erneut erneute erstmals erweitert
erweiterte erweiterung es etwa etwas exazerbation fall familie familienanamnese fax fehlende fehlstellung femur fibrose
fibrotisch figur filia filiae flaechig flaechige flecken fluessigkeit fokal folge folgen follow fraktur frakturen freie frei
freier fremdkoerper frisch frische frueher frueheren funktion fuer ganze gabe gallenblase gallenstein gallensteine gastral
geburt gefaxt gefaessdarstellung gegenueber gefertigt gelenk gerade geringe geringer geringfuegig geringgradig gesamt gesehen
gewebe gewicht gleich gleichbleibend glas grad grenze grenzwertig groesse groessenkonstant groesser gross grosse grosser
gruppe gut gute haben hat hatte haut hautemphysem hepatisch her herdfoermig herdfoermige herzgroesse herzinfarkt herzkatheter
herzschatten herzvergroesserung hier hilaer hilaere hilus hinter hinweis hinweise histologie hoch hochgradig hoehe homogen
husten hws hypertonie im immer implantat in indikation infarkt infekt infektioes infiltration infiltrativ infusion inhomogen
insgesamt insuffizienz intensiv intensivstation intrapulmonal intrathorakal intubation intubiert ist jahr jahre jahren jedoch
jetzt jugularis kalk kalkplaques kann kaps karzinom katheter kein keine keinem keinen keiner kind klein kleine kleiner kleines
kleinfleckig klinik klinisch klinische knapp knoechern knoecherne knoten knotig kolon komplikation komplikationslos
konsolidierung konsolidierungen konsolidierte konstant kontur konturen kontusion kopfschmerzen korrekt korrelat kranial
krampfadern krankheit kv kyphose lage lagekontrolle lagerung laesion laesionen laengs lang lappen lateral laterale leicht leichte
leichter lendenwirbelsaeule letzte letzten leukozyten li liegen liegt linke linken linker linkes linksseitig linksventrikulaer
lobaer lokal lokale lokalisation lws lumen lungenembolien lungenentzuendung lungenerkrankung lungenfeld lungengefaesse
lungengeruest lungenkrebs lungenmetastasen lungenoedem lungenparenchym lungenrundherd lungenspitze lungenstauung lungenunterlappen
lungenoberlappen lungenvolumen lungenzeichnung lymphknoten lymphknotenvergroesserung magen magensonde maessig maessige mal maligne
malignitaet mamma mamille mehr mehrere mediastinal mediastinale mediastinalen mediastinum mehrfach metallisch metastase metastasen
milchglas milchglasartig milchglasartige milchglastruebung milchglastruebungen milz minderbelueftung minimal minimale mitbeteiligung
mitteilung mittellappen mittelstaendig mittig moeglich moegliche morgen multiple muss mutter myokard nach nachgewiesen nachgewiesene
nachweis nachweisbar nachweisbare narben narbig narbige nativ nebenbefund nebenbefunde nebennieren nekrose neu neue neuer neu
neuaufgetreten nicht niereninsuffizienz noch normal normale normaler normgross normwertig notfall notaufnahme nun nur ob oben ober
oberer oberlappen oder oedem oesophagus offen ohne op operation operiert operativ organe ossaer pankreas pankreatitis parenchym
patientin patienten patienten pathologisch pathologische perihilaer periphere peripher perikard perikarderguss persistierend pleura
pleuraerguss pleuraerguesse pleural plaque pneumonisch pneumonische pneumonien pneumothorax pneumothoraces port postoperativ
praeoperativ probe progredient progredienz projektion prozess punktion pulmonal pulmonalarterien pulmonale pulmonalen pulmo
raumforderung raumforderungen re rechte rechten rechter rechtes rechtsseitig regelrecht regelrechte regredient residuen restlich
retrokardial retrosternal rezidiv rippenfraktur rippenfrakturen rippenserienfraktur roentgen roentgenaufnahme rueckbildung
rueckenlage ruecklaeufig rueckfrage rundherd rundherde schaedigung schatten schilddruese schlecht schlechter schlank schmal schmale
schmerz schmerzen schmerzhaft schon schrittmacher schwach schwanger schwer schwere schwester sehr sein seine seiner seit seiten
seitenlage seitlicher sekret sekundaer selten sich sicher sicherer sichtbar sichtbare sie siehe signifikant sind skoliose sklerose
sofort sogenannte solide sondern sonde sonst sonographie sonographisch soweit spaet spiegel spitze spontan spur stabil stadium stark
starke stationaer status stauung stauungszeichen stellung stenose sternal stern stets stenosierung strahlung streifig streifige
struktur strukturen stunden sturz subpleural subpleurale subsegmental subtotal suspekt suspekte symptome synkope tag tage tagen tbc
teil teils teilweise telefon telefonisch temperatur therapie thorakal thorakale thoraxdrainage thoraxorgane thoraxschmerz thoraxwand
thrombose thrombus tief trachea tracheal transparenz transparenzminderung transplantation trauma tubus tumor tumoren tumorverdacht
ueber ueberblaehung ueberlagerung ueberpruefung ueberwachung uebrige uebrigen ulkus umgebung umschrieben umschriebene
unauffaellige unauffaelliger unauffaelliges unbekannt und ungefaehr ungeklaert unklar unklare unklarer unspezifisch unter unteren
unterer unterlappen unterschied unveraendert unveraenderte unveraenderter ursache vater vd venen vena venoes ventral ventrikel
veraenderung veraenderungen verbreitert verbreiterung verdichtet verdichtung verdichtungen vergleich vergleichbar vergroessert
vergroesserte vergroesserung verkalkt verkalkte verkalkung verkalkungen verkleinert verlagert verlagerung verlaufs verletzung
vermehrt vermehrte verminderte vermindert verschattung verschattungen verschluss verschmaelert verstaerkt verstaerkte vertiefung
vielfach vollstaendig vom von vorbefund vorbefunden voraufnahme voraufnahmen vorbestehend vorbestehende vorerkrankung vorerkrankungen
vorhanden vorliegen vorliegend vorstellung wahrscheinlich war waren wegen weiter weitere weiterer weiterhin weitgehend welche wenig
weniger wenn werden wert werte wie wieder wird wirbel wirbelkoerper wohnt woche wochen wohl worden wurde wurden zarte zeichen zeigen
zeigt zeit zentral zentrale zentraler zentralvenoes zm zn zudem zufallsbefund zugang zum zunahme zunehmend zunehmende zur zusaetzlich
zustand zustaende zusammenfassung zvk zwei zwerchfell zwischen zwischenzeitlich zyste zysten covid maennlich weiblich
arzt aerztin schmerzen verdaechtig metastasiert leberherd nierenstein entlassen verlegt aufgenommen uebermittelt besprochen bericht
"""
FRENCH = """
abces absence adenopathie adenopathies adresse affaissement age aggravation aigu aigue aigues air alveolaire alveolaires
anciennete ancien ancienne anciens anevrisme anomalie anomalies antecedent antecedents anterieur anterieure anterieurs antibiotique
apex apical apicale apicales apres arriere arteres aspect aspects associe associee asymetrie atelectasie atelectasies atteinte
atteintes au aucun aucune augmentation augmente aussi autour autre autres aux basal basale basales bases basithoracique bilan bilateraux bilaterale
bilaterales biopsie bon bonne bords bronche bronches bronchectasies bronchique bronchiques brutal calcification calcifications
calcifie cardiaque cardiaques cardiomegalie cardiomediastinale cavite ce cela ces cet cette centimetre cheville chirurgie chirurgical
chronique chroniques cicatrice cicatriciel clinique cliniques comble comme comparaison comparatif compare compatible complement
complet complete compte conclusion condensation condensations connu connue consolidation consultation contours contusion convalescence
correct correcte cotes crise culs dans date de debut decompensation deja depistage depuis dernier derniere derriere des deux
developpement diagnostic diametre diaphragme difficulte diffus diffuse diffuses diminue diminution discret discrete discretes distension
donc dorsal dorsale doute drain du duree dyspnee echographie elargi elargissement elargie elevation elle embolie emphyseme en encore
endobronchique ensemble entre enveloppe envoye epanchement epanchements epaississement epaississements essentiel essouffle est et etait
etat ete etendu etendue etendues etre etude evocateur evocatrice evolue evolution examens existe externe face faible faite fait femme
fibrose fievreux fin fine flou foyer foyers fracture fractures fumeur ganglion ganglions garcon gauches generale gorge grand grande
grossesse groupe habitus hemithorax hemoptysie hernie hilaire hilaires homme homogene hopital hospitalisation hospitalise hyperdensite
hypertension hypodense il image images implant important importante inchange inchangee incidence indication inferieur inferieure
inferieurs infectieuse infectieux infection infiltrat infiltrats infirmiere injection injecte inspire insuffisance intensite intense
interieur interne interstitiel interstitielle intervalle intubation iode isole jour jours jusque la lame latero le lent les lesion
lesions leur leger legere legers liquide liquidien lobaire lobe lobes localise localisee localisation lui lymphatique lymphome mais majeur
majoration mal malade maladie masse masses maternelle mauvaise medecin medullaire meme merci mere metastase metastases millimetres mineur
minime minimes modere moderee mois moins moyen moyenne multiples ne nee necrose nettement net nette neurologique nodule nodules nodulaire
nombreux non normal normale normales note notion nouveau nouvelle nul obstruction oedeme on opacite opacites opere operation or ou
par parenchymateuse parenchymateux paroi partie partielle partiellement pas passage pathologique pathologiques patiente patients pendant pere
perforation pericarde pericardique peripherique peripheriques permet persistance persiste petit petite petites peu plaque plaques pleural
pleurale pleuraux pleuresie plevre plus pneumologie pneumologique pneumopathies pneumothorax poids point pose position possible post
posterieur posterieure postoperatoire pour precedent precedente premier presence present presente pression probable probablement processus
productif profil progression proximal pulmonaires quelques qui que recent recente recherche recidive recommande recul reduction reflux region
regression remanie remaniements resection residu residuel residuelle resultat retour retrouve retrouvee revu rupture sa sang scanner scanographie scissure
sclerose se second secondaire segment segmentaire sein selon semaine semaines sequelle sequelles ses severe si signe signes silhouette
simple sinus site situation soit son sont sortie sous soudaine specifique stabilite stable stade stenose sternum structure subaigu
suggestif suivi superieur superieure surcharge surveillance suspect suspecte suspicion symetrique syndrome tabac tabagique taille telephone
temperature territoire tissus toujours toute trachee traitee traitement transparence traumatisme trois tronculaire tumeur tumoral un unilateral
unilaterale usuel valve variable vasculaire vasculaires veine ventriculaire verre depoli vers visible visualise voie voies volume volumineux volumineuse
vue zone zones injecte reconstructions coupes axiales sagittales coronales acquisition produit dose
"""
SPANISH = """
absceso acceso acompanado actual actualmente adenopatia adenopatias adecuada aguda agudas agudos al alergia alergias algun alguna alta alteracion
alteraciones alveolar ambos amplia anciana aneurisma angulo ano anos anterior anteriores antecedente antecedentes aorta apex apical apicales aparece
areas arteria arterias artefacto artefactos asma aspecto atelectasia atelectasias aumentada aumentado aumento ausencia axilar axilares base bases
basal basales bazo bien biopsia bordes bronquial bronquiectasias bronquios bronquitis buena cada caida calcificacion calcificaciones calcificado
calibre cambio cambios cancer cara cardiaca cardiaco cardiomegalia cardiomediastinica caso catarro cateter causa cavidad central centro cicatriz cintura
cirugia clinica clinico colapso colocacion como comparacion comparado compatible compatibles completo comunica conclusion condensacion conocida
conocido conservado consolidacion consolidaciones consulta contorno contornos contusion cortes costal costales costofrenico covid cronica cronicas cronico
cuadro cual cuatro cuerpo cuerpos curso dano datos de debido debil del densidad densidades dentro depresion derrame derrames derechos derecha desde deshidratacion
desplazamiento despues deterioro diabetes diagnostico diafragma dias diametro dificultad difusa difuso dilatacion dilatado disminucion disminuida disnea
distal doble dolor donde dorsal dos drenaje durante edad edema ekg el elevacion embolia embarazo en enfermedad enfermera enfisema engrosamiento entre
entrada enviado envio epoc escaso escoliosis esofago espacio especifico esta estable estado estan estenosis este esternon estructuras evidencia evidencian
evolucion examen excepto existe existen expectoracion extension externa extremidades familiar faringe favorable febril fibrosis fibroso final fisura
flanco focal foco focos forma fractura fracturas fumador fumadora ganglio ganglios general grado gran grande grasa grosor grupo hallazgo hallazgos hace hasta
hay hematoma hemitorax hemoptisis hemorragia hernia hiliar hiliares hilios hilio hija hijo hipertension historia homogeneo hombre hospitalizado hospitalizada
hueso ictus imagen imagenes impresion incidental inferior inferiores infiltrado infiltrados inflamatorio informe ingreso inicio intensidad intersticial
intersticiales intravenoso intubacion ipsilateral la lado lados laminar las lateral lesion lesiones leve leves ligera ligero liquido lobares lobulo lobulos
localizado los malestar maligno mama mamografia manana manejo marcada marcapasos margen masa masas mayor mediastinica mediastinicas medicamento medico
medida medio mejor mejoria menor meses metastasis minima minimo misma moderada moderado mujer multiples muy nauseas neoplasia nivel niveles no nodulo nodulos
normal normales nuevo nuevas nueva numero numerosos ocupacion ojo opacidad opacidades operado operacion oxigeno paciente pacientes padre palpable pared
parcial parenquimatosa parcialmente parte patologia patologica patologico patron peor pequena pequeno pequenos perdida pericardico pericardio periferica perifericas
periferico permeable persiste persistencia peso pierna placa plano pleura pleural pleurales poca poco por porta posible posterior posteriores precoz presenta
presencia presion previa previo primaria primer probable problema proceso pronostico prueba proximal pulmonares punto que quiste quistes radiografia
radiografias radiologico radiologica reciente recomienda reconstrucciones reduccion region regular relacion remitido renal resecada resto resultado retroesternal
revision rodete sala sangrado sangre se secuelas secundario segmento segmentos segun semana semanas senos ser severa severo si signo signos silueta sin
sindrome sintomas sobre solicitado son sospecha sospechosa su subagudo subpleural subsegmentario superior superiores tamano tambien tejido tejidos telefono
temperatura tercio tiempo tiene tipo tiroides todo tomografia toracicas toracicos tracto tratamiento traquea traumatismo tres trombo trombosis
tuberculosis tubo tumor tumoral ultimo un una unilateral urgencias urgente uso valoracion valorar variacion vasos vena venosa venas ventriculo vertebra vertebras
vesicula via vias vidrio deslustrado vista visualiza volumen y zona zonas
"""
ITALIAN = """
cuore nei limiti calcificata calcificato ingrandito ingrandita ombra cardiomediastinica regolari apprezzabili evidenziano
ascesso accesso accertamento acuta acuti acuto addensamento addensamenti adenopatia adenopatie aereo ai al alcuna alcune alcuni alla allargamento alle altre altro
alveolare ampia anamnesi aneurisma anni anno anteriore antero anulare aorta apicale apice apici appare area aree arteria arterie asma aspetto assenza
atelettasia aumentata aumentato aumento ascella basale basali base basi bilaterali biopsia bolla bronchi bronchiale bronchiectasie bronchite buona calcificazione calcificazioni
cardiaca cardiaco cardiomegalia caso catetere cavo cavita che chirurgia cicatrice circa clinica clinico clinica coesistono collasso colonna come compatibile
compatibili comparsa completo conclusioni confronto con consolidamento consolidamenti consulto contorno contusione corpo costale cronica cronico cui cute da dal dalla data
decubito degli dei del della delle dello densita diaframma diagnosi diametro di diffusa diffuse diffuso dilatazione diminuzione dimensioni dimesso dispnea
distale dolore donna dopo dorsale dose dove drenaggio dubbio due durante ecografia edema e ed effettuato embolia emitorace emottisi emorragia enfisema entrambi entro
epatica epatico era esente esiti esito esofago espansione espettorato esterno eta evidenza evidenti evoluzione febbre fegato fibrosi figlia figlio fine
focolaio focolai forma frattura fratture frontale fumatore fumo gamba gastrico generale giorni giorno gli gola grado grande gravidanza gravi grave il ilare ilari ilo imaging immagine immagini
impianto incremento indagine inferiore inferiori infermiera infiltrati infiltrato ingrandimento ingresso insufficienza intensa interno interstiziale interstiziali
interstizio intervento intubazione invariata invariato iperdenso ipertensione ipodenso ispessimento la laterale le lesione lesioni lieve lievi linfoadenopatie linfonodi linfonodo
linfoma linea liquido lobare lobi lobo localizzata localizzato lo ma madre malattia mancanza marcata margini massa masse mediastiniche medico medio mesi
metastasi millimetri minima minimo modesta modesto moderato molto morbo multipli multiple muscolo nel nella nelle netto nessun nessuna nodulo noduli non norma normale
normali note notevole noto nota numero numerosi nuova nuovo o occlusione opacita opacamento operato operazione ospedale ossee osseo ossigeno padre paracardiaco
parenchima parete parti parziale paziente pazienti peggioramento per pericardico pericardio periferica periferiche periferico persiste peso piccola piccole piccoli piccolo placca
placche pleura pleurica pleurico pleurici pneumotorace polmonari polso posizione possibile posteriore posteriori postumi precedente precedenti presente presenti presenza pressione
presso probabile processo profilo progressione prossimale prova quadro quale quattro radiogramma recente recidiva referto regione regolare regressione renale
residuo respiratoria respiratorio ricovero ridotta ridotto riduzione riferita riferito rilievi rilievo rispetto risulta ritorno rottura sangue scissura sclerosi scoliosi se secondario
sede segmentale segmenti segni segno seni senza sepsi severo si sindrome sinistri sintomi sono sospetta sospetto sottile sospette spazio spessore stabile stato stenosi
sterno stomaco storia struttura strutture studio su subacuto subpleurica sul sulla superiore superiori sviluppo tale telefono terapia terzo tessuto tessuti tipo tiroide toraciche
toracici toracotomia tosse trachea tratto trauma tre trombo trombosi tubo tumore ultima un una uno uomo urgente valutazione valvola variazioni vasi vena venosa
ventricolare ventricolo versamento versamenti vertebra vertebrale vetro smerigliato via vie visibile visita visualizza volume zona zone
"""
PORTUGUESE = """
bilaterais coracao normais habitual preservado preservados transparencia hilares cardiomediastinica arcos costais
abscesso achado achados aguda agudo ainda algum alteracao alteracoes ambos aneurisma anos anterior antecedentes apice apices aparente area areas arterias aspecto aumentada aumento
ausencia bases bexiga biopsia bom bronquiectasias bronquios calcificacao calcificacoes campos cardiaca cardiaco cateter causa cicatriz clinica clinico coluna com como comparacao
compativel conclusao consolidacao consolidacoes contornos corpo costelas cronica cronico da das de derrame derrames desde desvio dia diafragma diagnostico dias diametro difusa
difuso dilatacao discreta discreto dispneia do doenca dois dor dos drenagem durante e edema ele ela embolia enfermeira enfisema entre espaco espessamento esta estado estavel estenose
evidencia evolucao exames externa febre feita fibrose figado filha filho focos forma fratura fraturas frente fumante grande gravidez hemorragia hemoptise hernia hilar hilos historia homem hospital
idade imagem imagens impressao indicacao inferior infiltrado infeccao intersticial lado lados lesao lesoes leve ligeira linfonodos linfonodomegalia liquido lobo lobos mae mais mama massa
massas medico melhora menor meses metastases minimo moderado mulher muito multiplas na nao nas no nodulo nodulos nos normais nova novo o obstrucao opacidade opacidades operacao ou pai
para parede parte partes passado pela pelo pequena pequeno pequenos perda perfil pericardio periferica perifericas perna placa pleura pleural pneumonia pneumotorax pois
por posterior presenca pressao previa previo principal processo provavel pulmao pulmoes pulmonares quadro que radiografia recente reducao regiao relatorio resultado revisao rim rins sangue se
secundario segmento segmentos sem ser severa severo sexo sinais sindrome sintomas sobre solicitado sombra sugestivo sugestiva superior suspeita tambem tamanho tecido telefone terco tipo torax toracica
trauma tratamento traqueia tres trombose tuberculose tumor um uma urgente utero vaso vasos veia vertebra vidro fosco via vias volume zonas
"""
DUTCH_NORDIC_POLISH = """
matglas matglasafwijkingen hartgrootte slank longen scherpe sinussen
aan aanvraag aanwijzingen achter acuut acute afwijkingen alle als andere arts bed beeld beide beiderzijds bekend bekende benauwd bij bloed bloeding boven bovenkwab breuk buik
conclusie consolidatie controle dag dagen dan dat de deze die dochter door dubbelzijdig duidelijke echter een en enkele ernstig fractuur geen gedurende gezien goed
groot grote haar hart hartvergroting het heeft hersenen hij hoesten hoge hun huid in infectie infiltraten is jaar kan klachten klein kleine klieren koorts kwab laag lage lever licht lichte
linker linksonder longembolie longontsteking longveld longvelden maag maar man meer met midden middenkwab milt moeder mogelijk na naar nader niet nier nieren nieuw nieuwe nodule noduli normaal
normale of om onder onderkwab onderzoek ook op operatie opname oud over patient patienten pijn pleuravocht rechter rechtsboven rug samenvatting scan sinds status te telefonisch tekenen ten
tot toename tussen uit vader van verdenking vergelijking vergroot verkalking verslag verwezen vocht volgens voor vraagstelling vrouw waarbij was wel werd wordt zeer zichtbaar ziekenhuis zijn zonder zwelling
och inte ingen inga hoger vanster med utan hjarta hjartat lunga lungorna hosta feber sedan ar sida akut kontroll undersokning bedomning remiss fraga bild bilder forstorad forstorade okad oforandrad
vatska pleuravatska utgjutning infiltrat fraktur skelett lever mjalte njurar normal normala flera sma stora tecken pa pneumoni lungemboli
og ikke ingen hoyre venstre med uten hjerte lungene hoste feber siden akutt undersokelse kontroll bilde forstorret oket uendret vaeske pleuravaeske brudd normale flere sma store tegn pa lungebetennelse
badanie klatki piersiowej klatka piersiowa pluca pluco plucny prawy prawe prawego lewy lewe lewego bez zmian zmiany ogniskowych obraz serce sylwetka serca plyn jamie oplucnej zapalenie pluc
kontrola stan po operacji podejrzenie wniosek opis badania tomografia komputerowa rtg usg glowy brzucha miednicy kontrastem kontrastu goraczka kaszel dusznosc wezly chlonne powiekszone niepowiekszone guzek
guzki zageszczenia zageszczenie matowej szyby obustronnie obustronne prawostronne lewostronne ostre przewlekle norma w normie nie na do ze oraz lub jest sa widoczne widoczny
akciger gogus toraks sag sol bilateral plevral efuzyon nodul buzlu cam opasite pnomoni ates oksuruk kontrol kontrastli kontrastsiz karaciger dalak bobrek kalp normal ve ile icin yok var izlendi
hrudnik plice vpravo vlevo bez nalez srdce vypotek zanet kontrola normalni
"""
# Stems: Russian, Ukrainian and Greek words bend, so a word counts that begins with one of these.
CYRILLIC_STEMS = """
абсцес авто адено аксиал аллерг альвеол аневризм анамнез анализ аорт апик артер артефакт асимметр астм ателектаз атипич базал без бифуркац биопс близ более боков боле боль болезн брон брюш в
вдох вен верх верхн вес взят видим видны вирус виталь включ внутр вода воспал врач все встреч выдох вывод выпот выполнен вырaж выраж высок газ гема гемо гепат гидроторакс гипер гипо глаз глуб голов голос
гортан гриб груд грыж губ давлен данн два дву двус двух деструк деформац диагноз диаметр диафрагм динамик дистал диффуз для до доба добав дол долев дорз доступ дренаж дыхат ед жалоб желез желуд женск живот жидк
за забол задн заключ замет затемн затрудн здоров зон зрен и из измен изображ или имплант инспир инсульт интерстиц инфаркт инфекц инфильтр ирритат исключ исслед истор исход итог к как кальц камен кардио
катетер каш кист клетк клин кмп ковид колаген колено контраст контрол контур конс корен корон коронар костн кост косо краев край крови кров круп кт курс лат лев легк лёгк лейк леч лимф лин ломк лобн лучев люмен
магистрал макс малы маляр маркер масс матов медиаст медиц меж мелк мет мин миоф мм множеств мокрот молоч монитор мрт муж мышц мягк н на над надпочеч назнач налич наруж наруш нативн не небол незнач
нейро некроз нет неясн ниж нижн низк нов норм ноч о обе обл обнар оболоч образ обращ общ объ обыч огранич одн одыш около он описан оп опухол орган остр осев осумк от отверст отдел отек отёк отмеч отриц
оценк очаг очагов палат паренх патолог пациент пер первич перед перелом перибронх перикард перифер печен плазм пласт плевр плечев плот пневм по поврежд подж подозр позвон позд поло полож полост
получ помощ пораж порт посл послед постоян почек почк правост прав пред предыдущ при признак провед проекц проник просвет простр противо протокол проток проходим процес пульм пункц путь пят рак ран расп распол
распростран рассеян растяж расшир реак ребер реберн ребр резекц рекоменд реконстр рентген респир рестрикт ретро риск родил рост рот рубц с сагит свет своб связ сдав сегмент селез семейн серд серде середин серия
сет сечен сигм симптом синдром синус систем скан скелет склер скопл слаб слева слиз слож случ смещ снижен снимк со совместн согл соединит соли состав состо сосуд спаеч спинн спирал справ сравн средн средост стабил
стад стаз стар статус стекл стеноз стерн стент стор страт структ субплевр субсегм субтотал суммар сустав сух сут т таз так температ тень тен терап ткан толст толщ томограм томограф торак точ травм трахе тром трубк туберк тяж
у увелич угол уда узел узл узи указ ультра умерен умен уплотн уров усил услов устойч утолщ ухуд участ фибр физик фиксир фиброз флюор фок форм функц хирург хол хрон центр цирроз частич част через череп четк чист чувств шей шир
шум экг экспир экссудат эмбол эмфиз эндо эпи эхо ядер язв см тел лет год года слева тень корни структурны структурные
"""
GREEK_STEMS = """
αερ αγγει αθηρ αιμ ακτιν αλλ αλλοι αμφοτερ ανευρ ανω αξον απεικ απο αριστερ αρτηρ ασθεν ατελεκ αυξ βαση βηχ βρογχ γαγγλ γενικ για δεξι δεν δια διαγν διαμ διασ διαφρ διαχυτ δυο δυσπν εγκεφ εικον ειναι εκ ελεγχ εμβολ εμφυσ
εν ενδειξ ενδο εξετ εξιδρ επι εστ ευρημ ηπαρ θερ θολ θολερ θυμ θωρακ ινωση ιστορ και καρδι κατα κατω κυστ λεμφ λοβ λοιμ με μεγεθ μεσοθωρ μετ μη μηρ μικρ νεφρ νεο νοσ οζ οιδημ ομαλ οξ οργαν οστ παθολ παρ περικαρδ περιφερ πλευρ
πνευμ πνευμον πολλ πρ προσθ πυκν πυρετ σκια σκιαγρ σπλην στηθ στο στεν συλλογ συμπ συμφορ σπονδ συγκρ τομογρ της του των το τρaχ τραχ υαλ υγρ υπεζωκ υπο φυσιολογ χειρ χωρις χρον ψηλ
"""
ARABIC = """
الصدر صدر الرئة رئة الرئتين الرئوي رئوي رئوية التهاب الالتهاب سعال حمى ضيق تنفس القلب قلب الكبد كبد الكلى كلى الطحال البطن بطن الرأس رأس الحوض اليمنى اليمين يمين الأيمن ايمن اليسرى اليسار يسار الأيسر ايسر ثنائي الجانب جانبي انصباب
جنبي عقدة عقد عقيدات عتامة عتامات زجاجي كثافة تكثف ارتشاح كسر ورم كتلة طبيعي طبيعية غير لا يوجد بدون مع في من على إلى عن الى بعد قبل تصوير مقطعي محوري أشعة سينية صورة فحص تقرير مريض المريض المريضة مقارنة متابعة حاد مزمن خفيف متوسط شديد
علوي سفلي الفص فص العلوي السفلي الأوسط تضخم توسع تكلس الشريان شريان أبهر وريد صباغ صبغة تباين
"""
HEBREW = """
חזה ריאה ריאות הריאות ריאתי ריאתית דלקת שיעול חום קוצר נשימה לב הלב כבד הכבד כליות כליה טחול בטן ראש אגן ימין ימנית ימני מימין שמאל שמאלית שמאלי משמאל דו צדדי צדדית תפליט פלאורלי קשרית קשריות עכירות עכירויות זכוכית חול תסנין תסנינים שבר גידול
גוש מסה תקין תקינה ללא עם של על אל לא אין יש לאחר לפני צילום טומוגרפיה ממוחשבת בדיקה דוח חולה החולה השוואה מעקב חריף כרוני קל בינוני קשה עליון עליונה תחתון תחתונה אונה אונות מוגדל הגדלה הסתיידות עורק אבי העורקים וריד חומר ניגוד
"""
# Runs of characters that may stand in Chinese, Japanese and Korean text; what is not made of these goes.
HAN = """
胸部 胸腔 胸膜 胸椎 胸水 胸片 胸廓 腹部 腹腔 腹水 頭部 头部 颅脑 脑部 頚部 頸部 颈部 骨盆 骨盤 盆腔 脊柱 脊椎 腰椎 頚椎 颈椎 四肢 膝 肩 足 手 肺 肺部 肺野 肺門 肺门 肺叶 肺葉 肺炎 肺癌 肺气肿 肺気腫 肺水腫 肺水肿 肺栓塞 肺塞栓 肺動脈 肺动脉 肺纹理 肺紋理 肺不张 肺結核 肺结核 肺尖 肺底 双肺 両肺 两肺
左肺 右肺 左 右 左側 右側 左侧 右侧 双侧 両側 两侧 一側 単側 单侧 上叶 中叶 下叶 上葉 中葉 下葉 舌叶 舌段 上肺 下肺 上 中 下 前 後 后 内 外 側 侧 段 叶 葉 区域 区 域 心 心脏 心臓 心影 心胸比 心包 心膜 心拡大 大动脉 大動脈 动脉 動脈 静脉 静脈 血管 血栓 气管 気管 气管支 気管支 支气管 食管 食道 胃 肝 肝脏 肝臓 脾
脾脏 脾臓 腎 腎臓 肾 肾脏 膵 膵臓 胰腺 胆嚢 胆囊 胆 肠 腸 膀胱 子宫 子宮 卵巢 前立腺 前列腺 甲状腺 乳腺 淋巴结 淋巴結 リンパ節 纵隔 縦隔 隔膜 横隔膜 膈肌 骨 骨折 肋骨 肋 关节 関節 皮下 软组织 軟部組織 筋 肌肉 磨玻璃 磨玻璃影 磨砂玻璃 すりガラス すりガラス影 すりガラス陰影 影 陰影 阴影 浸潤 浸润 浸潤影 実変 实变
実変影 结节 結節 結節影 結節状 肿块 腫瘤 腫瘍 肿瘤 肿大 腫大 转移 転移 病变 病変 病灶 斑片 斑片影 斑片状 条索 索条 索状 网格 網状 蜂窝 蜂巣 纤维化 線維化 钙化 石灰化 空洞 空腔 积液 積液 胸腔积液 胸水貯留 貯留 气胸 気胸 肥厚 增厚 扩张 拡張 狭窄 閉塞 阻塞 炎症 炎 感染 出血 水肿 浮腫 囊肿 嚢胞 多発 多发 散在 单发 単発 弥漫
びまん性 局限 限局 局所 外周 末梢 中枢 胸膜下 周围 基底 背側 腹側 新 新发 新型冠状病毒 新型コロナ コロナ 新冠 冠状病毒 病毒 ウイルス 细菌 細菌 发热 発熱 咳嗽 咳 痰 呼吸 呼吸困难 呼吸困難 气短 疼痛 胸痛 痛 高血压 高血圧 糖尿病 病 症 症状 检查 検査 复查 複查 复诊 再検 精査 経過 経過観察 経過観察 随访 比较 比較 对比 対比 前回 今回 同様
不变 不変 变化 変化 改善 好转 增大 増大 縮小 缩小 減少 减少 增多 増加 増悪 正常 异常 異常 未见 未見 なし あり 無 无 有 見 见 可见 認 认 考虑 疑 疑い 可能 可能性 诊断 診断 印象 所見 所见 意见 建议 提示 报告 報告 病历号 病历 患者 病人 男 女 男性 女性 岁 歳 年 月 日 号 平扫 平掃 增强 造影 単純 单纯 扫描 掃描 撮影 撮像 摄影 摄片 层厚 薄层 薄層 重建 再構成
窗 条件 肺窗 纵隔窗 骨窗 冠状位 矢状位 轴位 横断 断面 方向 正面 側面 正位 侧位 立位 臥位 仰臥位 卧位 吸気 呼気 轻度 中度 重度 軽度 中等度 高度 少量 中量 大量 微小 小 大 明显 明らか 清晰 不清 模糊 影像 画像 影像学 表现 術後 术后 術前 术前 手术 手術 切除 治療 治疗 放疗 化疗 放射線 入院 外来 急性 慢性 亜急性 亚急性 良性 恶性 悪性 原発 原发 性 的 和 及 与 或 为 在 於 等 不 了 是 伴 内见
患 電話 电话 以 上記 下記 以上 以下 部 位 状 様 像 図 型 度 量 数 例 例数 件 回 次 时 時 間 间 分 秒 歳代 代
"""
KANA = """
の は が を に へ と で も や から まで より て た だ し い う か な ない する した して される された れ ます です ある あり ありません なし 認める 認め みられる みられ 見られる れる こと ため よう もの これ それ この その また および 及び など には では とも ほぼ やや わずか ごく やすい
すりガラス リンパ ウイルス コロナ ガラス スライス ヘリカル ダイナミック ルーチン スクリーニング フォロー フォローアップ ドレーン チューブ カテーテル ペースメーカー ステント ポート アレルギー ワクチン インフルエンザ マイコプラズマ レントゲン エコー シーティー びまん ひだり みぎ
"""
HANGUL = """
흉부 가슴 복부 두부 경부 골반 척추 요추 흉추 폐 폐렴 폐암 폐야 폐문 폐결절 폐기종 폐부종 폐색전 폐색전증 폐동맥 폐엽 좌측 우측 양측 왼쪽 오른쪽 상엽 중엽 하엽 상부 중부 하부 전방 후방 심장 심비대 심낭 대동맥 동맥 정맥 혈관 기관지 기관 식도 위 간 비장 신장 췌장 담낭 장 방광 갑상선 유방 림프절 종격동 횡격막 골절 늑골 관절 간유리 간유리음영 음영
침윤 경화 결절 종괴 종양 전이 병변 반점 섬유화 석회화 공동 흉수 삼출 기흉 비후 확장 협착 폐쇄 염증 감염 출혈 부종 낭종 다발성 산재 미만성 국소 말초 중심 신종 코로나 코로나바이러스 바이러스 세균 발열 기침 가래 호흡 호흡곤란 통증 흉통 고혈압 당뇨 증상 검사 추적 추적검사 비교 변화 변화없음 호전 악화 증가 감소 정상 이상 이상없음 없음 있음 보임 관찰 관찰됨 소견
의심 가능성 진단 판독 인상 보고 환자 남자 여자 남성 여성 세 년 월 일 조영 비조영 조영증강 촬영 단면 재구성 정면 측면 앙와위 기립 흡기 호기 경도 중등도 중증 소량 다량 뚜렷 수술 수술후 절제 치료 방사선 입원 외래 급성 만성 양성 악성 원발성 및 또는 와 과 의 에 에서 로 으로 은 는 이 가 을 를 도 만 전화 전 후 시 분
"""
