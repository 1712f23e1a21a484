"""Words of DICOM PS3.16 context groups and PS3.6 attribute names. Generated: do not edit.

Made by tools/make_lexicon.py from pydicom 3.0.2 (MIT).
"""

WORDS = """
abdomen abdominal abdominopelvic ability abnormal abort abscess absent absolute absorbed absorbing absorption
abstract acanthioparietal acceleration acceptance access accession accessories accessory accumbens accumulated
accuracy acetrizoate acetylaspartate acid acoustic acquired acquisition acquisitions acromioclavicular
acromion across action activation active activity actual acuity adaptive add added additional address
adenohypophysis adipose adjusted administered administration administrator admission admissions admitting
adrenal advanced adventitia affected after afterloader age agency agent aic air airway ait alarm alerts
algorithm alias aliased alignment all allergies allocated allocation allow allowed along alpha alternate
alternative altitude ambient amount amplifier amplitude amygdala analog analysis analyzed anatomic anatomical
anatomy anchor and angio angiography angioplasty angle angular angulation animation anisotropy ankle
annotation annotations anode anomalous anomaly antecubital anterior antero antihelix antitragus anus aorta
aortic aperture apex apical apparent appendage applicability applicable application applications applicator
applied applies approach approval approver approving aqueduct aqueous arachnoid arbitrary arc arch archive
arcuate area areola arm armrest arrangements array arrival arterial arteriosum arteriosus arteriovenous artery
articular ascan ascending asl aspect assembly asserter assertion assessed assessment assigned assigning
assignment assist astigmatism asymmetry atd atelectasis atherectomy atomic atrial atrioventricular atrium
attached attempt attenuation attribute attributes audio auditory auricular author authority authorization auto
autocorrelation automated automation autonomic autorefraction autosequence availability available average
averages averaging axes axial axilla axillary axis azimuthal azygoesophageal azygos back background backrest
bad baffle bag balance balloon band bandwidth barcode barium base based baseline basic basilar basilic basis
battery bdt beaded beam beams bearing beat beats before behavior being belt between bias bibliographic bic
bifurcation bilateral bile biliary billing bin binary binning bins biomagnetic biopsy birth bit bite bitmap
bits bladder blending blind block blocked blocking blocks blood blue board boarding body bold boli bolus
boluses bone bones border borders both bottom bound boundaries bounding box boxes brachial brachiocephalic
brachy brachytherapy brain break breast breed brightness broad bronchial bronchiologram bronchogram bronchus
bscan bscans bud bulb bulk bullet bunamiodyl burned bursa busyness buttock cad calcaneus calcifications
calcium calculated calculation calculations calendar calf calibrated calibration callback callosum calyx
camera canal cancellation canine canthus capabilities capillary capsular capture carbon cardiac cardiovascular
carina carnae carotid cartilage caruncle cassette cast catch category catheter caudad caudal caudate caudo
cause causton cava cavernosum cavity cda cell center centerline centimeter central centrilobular centroid
cephalad cephalic cerebellar cerebellum cerebral cerebrospinal certificate certification certified cervical
cervico cervix chamber chamfer change channel channels character characteristics characters charge check
checked cheek chemical chest chi chiasm chin chloriodized choline chordae choroid chromaticities cie cine
cingulum circle circular circumference circumflex circumscribed citation citrate class classes classification
clavicle clavicular cleavage clements clinical clip clipping clitoris closed clot clothing cluster coarseness
coating coccygeal coccyx code coded coding coefficient coefficients coeliacus coercion coherence coil coin
coincidence collar collated collateral collation collection collimation collimator colon color column columns
combination command commanded comment comments commissioning commissure committee common communicating
communication communications communis community comparison compensation compensator compensators completed
completion complex complexity component composite compositing composition compositor compound compressed
compression computed concatenation concentration concept conceptual concha condenser condition conditionality
conditions conduit cone confidentiality configuration confirmation confluence confocal congenital connective
connector consent consistency constant constants constituent constraint consulting consumption contact
container containing content context continuation continuity contour contours contraindications contrast
contributing contribution control conventional conversion converted convolution coordinate coordinates
coordinating copied copies coplanar cor coracoid cord cordis cornea corneal corner corona coronary corpus
corrected correction correlation cortex corticospinal costal costarum costocervical count country counts
coupling course coverage cradle cranial cranio cranium crease created creatine creation creator crescent
criteria crop cropping crosstable crus css ctd ctdi ctx cubic cubital cumulative curled current cursor
curvature curve custodial custom cutoff cycle cylinder cyst dac damping dark dashing data date datum day days
dct ddl dead death decay decimal decimate decimeter decision decomposition decoupled decoupling decubitus deep
default defect deferens defibrillator defined definition deformable deformation degree deidentification delay
deletion delimitation delimiter delimiters delineated delivered delivery delta deltoid demographics
denominator densitometry density dental department dependence dependent depth depths derivation derivative
derived dermoscopy descending description descriptor design designator dest destination detachable detail
detailed details detected detection detector detectors deviation device devices diagnoses diagnosis diagnostic
diagonal dialog diameter diamond diaphanography diaphragm diatrizoate dicom dicos diencephalon difference
differential diffuse diffusion digit digital digitizing digits dilated dilation dimeglumine dimension
dimensional dimensionality dimensions diode dioxide diprotrizoate direct direction directionality directions
directory disapproval disc discharge discontinuation disodium dispersion displaced displacement display
displayed disposition dissimilarity distal distance distances distortion distributed distribution divergence
dlp document documenting documents domain doppler dorsal dorsalis dorsi dorsoplantar dorsum dose dosimeter
dosimetric dosimetry double drive drug duct ductus duodenum dura duration durations dvh dvhroi dxx dxy dxz
dynamic dynamics dyy dyz dzz ear eccentric eccentricity echo echogenicity edema edge effect effective
effectiveness eighth elapsed elasticity elbow electrocardiography electroencephalography electromyography
electron electrooculography electrophysiology element elemental elements elevation eleventh ellipsoid embolism
embolization embolus emission emitter emmetropia emmetropic emphasis empty encapsulated encapsulation encode
encoded encoding encrypted end ending endo endoscopy endotracheal energy enhanced enhancement enhancing
entered enterer entire entity entorhinal entrance entries entropy entry environment environmental epigastric
episode eponymous equipment equivalent erase eraso erect erector error esophageal esophagus estimate estimated
ethics ethmoid ethnic evaluation evaluator event evidence exact exaggerated examined examining excessive
excitation excluded exclusion exclusive execution exif existence exit expected expiration expiry explanation
exponent exponential exposed exposure exposures expression extended extension extent extents external
extracted extraction extraluminal extremities extremity exy eye eyeball eyebrow eyelash eyelid eyes
fabrication face facet facial facility factor factors failed failure failures fallopian false family fan
fascia fascial fasciculus fast fat feature features feces feed feeding feet female femoral femoris femur
fibula fiducial fiducials fifth file filename fill filled filler fills film films filter filtering filters
final find findings finger finite firing first fissure fistula fixated fixation fixed flag flags flank flash
flat flight flip float floating floor flow fluctuation fluence fluid fluoroscopy focal focus fold folder folio
font fontanel foot for foramen force forearm forefoot foreground forehead foreign format formats formula
fornix fossa fourier fourth fov foveal fractal fraction fractional fractionation fractions frame framek frames
framing free freedom frenulum frequency frog from front frontal full function functional functions further
gadobenate gadobutrol gadodiamide gadofosveset gadolinium gadopentetate gadoterate gadoteridol gadoversetamide
gadoxetate gain gallbladder gamma gantry gap gas gastric gastrocnemius gastroduodenal gate gated gating gcl
gel general generalized generation generator genetic genicular genitalia geographic geometric geometrical
geometry gingiva girdle gland glans glass glcm glenoid global globus glue glutamate glutamine gluteal
glycolysis gps gpsdop grade gradient graft granular graphic grayscale great grey grid grips groin groove
ground group grouped groups guidance guiding gums hair half halo hand handling hanging hard hardcopy hardening
head headfirst headframe headrest heart heel height helix hemisphere hemodynamic hemorrhage hepatic
heterogeneity hfl hiatus high hilar hilum hip hippocampus histogram history hold holders home honeycomb
horizontal hours housing hpgl human humerus humidity humor hyoid hypochondriac hypogastric hypopharynx
hypothenar iauc iaucbn icc icon identical identification identifier identifying identity iii ileal ileum iliac
iliocostalis ilium illumination illuminator ilm image imaged imager images imaging img immersion impedance
implant implantation implementation impressions inbound incident incisor incisure include included includes
incorporated increment index indexed indication indicator indices induced inductance inferior inferomedial
infiltrate inflammation inflow info information infra infraalar infraclavicular infraspinatus ingredient
inguinal inhalation initial initiation initiator injection inl inlay inm inms inner innermost innominate
inositol inppm input inspection installation installed instance instances institution institutional
instruction instrument insula insurance integral integrated integration intended intensifier intensity intent
inter interatrial intercept intercostal interdigitating interest interface interlobar interlobular interlock
intermediate internal international interoperability interpolation interpretation interpreted interpreter
interquartile intersection interstitial intertragal interval intervals intervention interventricular
intervertebral intestine intima intra intracardiac intracoronary intracorpus intracranial intracutaneous
intraepithelial intrahepatic intralobular intraluminal intramedullary intramuscular intraocular
intraperitoneal intrathecal intratumor intravascular intravenous intraventricular introitus inu inventoried
inventory inverse inversion inverted iodamide iodinated iodine iodipamide iodixanol iodized iodoalphionic
iodomethamate iodophthalein iodopyracet iohexol iol ion ionic iopamidol iopanoic iophendylate iophenoxic
iopromide iothalamate ioversol ioxaglate ioxilan ipl ipodate iron irradiation irregular iso isocenter
isolation isotope issue issuer isthmus italic item items iterations iterative itinerary ivol ivus jaw jawline
jejunostomy jejunum jewelry job joint jugular junction jurisdiction justification juxtaposed kep keratoconus
keratometer keratometric keratometry kerma kernel key keyword keywords kidney knee kneeling knob known ktrans
kurtosis kvp lab label labeling labia labium lacrimal lactate lamina landmark language lapine large largest
larynx laser last lateral laterality laterally laterals latero latissimus latitude latitudeyyy latitudezzz
layer layout lead leading leaf least left leg lemniscus length lengths lens lenses lensometry lesion lesser
levatores level life ligament ligamentum light like limb limbic limit limiting linac line linear linearity
lines lingual lip lipid liquid list lithotomy little liver lobar lobe lobule local localization localized
localizer localizing location locations locator lock longissimus longitude longitudinal look lookup lordotic
loss losses lossy lot low lower lucency lumbar lumbo lumen luminance lung lut lymph lymphatic lymphoid mac
machine macid magnetic magnetization magnification magnify magnitude main major majorum majus make maker male
mammary mammography management mandatory mandible mandibular mangafodipir manifold manipulated manual
manubrium manufacture manufactured manufacturer manufacturing map mapped mapping margin marginal marker mash
mask masking mass mastoid matches matching mater material materials mating matrix matter max maxilla maxillary
maximum mean meaning measure measured measurement measurements measures measuring mechanical mechanism
mechanisms media medial medially median mediastinum medical medication medicine medio medium meglumine member
members membrane memory meninges meniscus menstrual mesenteric mesh message meta metabolic metabolite metadata
metering meterset metersets method metric metrizamide metrizoate micrometer micronodule microscopy mid
midbrain middle midline midlung miliary military millimeter milling mime min mineral minimum minor minora
minus mirroring mitral modalities modality mode model modes modifiable modification modifications modified
modifier modifiers modifying modulated modulation modulator modulators molar mold moment monitoring mono
monochrome monoenergetic more morphologically mortice mosaic mosfet most mother motion mounting mouth move
movement mpps mpr mrdr mrfov mucosa multi multienergy multiple multiplex multiplexed multiplicity muscle
muscles mydriatic nail name names namespace narrative nasal nasi nasolabial nasopharyngeal nasopharynx
navigation near neck necrosis needle needs negative negatives neoplasm nerve nervous network neurohypophysis
neutered next ngldm ngtdm nigra ninth nipple node nodular nodule noise nomenclature nominal non nonconforming
nonidentifying nonuniformity normal normalization normalized normals normative nose not notch note notes
notification ntp nuchal nuclear nucleus nulling number numbers numerator numeric numerical object objective
objectives objects oblique observation observations observer occipital occlusal occupancy occupation occurred
occurrence oct octz ocular oecf off offending offset offsets oil omental omentum omission omitted ooi
opacities opacity opaque open opening openings operating operation operational operations operator operators
ophthalmic opl opt optic optical optimization options optotype oral orbital orbitoparietal order ordering
organ organization organizational orientation orifice origin original originality originating originator
oropharynx osld ostium other out outer outflow outline output ovarian ovary over overall overdose overlap
overlay overlays overridden override oversampling overview owner oxygen oxygenation pacemaker package padded
padding paddle paintings pairs palate palatine palatoglossal palette pallidus palm palmar pan pancreas
pancreatic panoramic parallel parameter parameters parametric paranasal parasagittal paraspinal parasternal
parathyroid parenchyma parenchymal parent parietal parieto parietoacanthial parotid part partial participant
participation particulate pass patella patent path paths pathway patient patients pattern pause peak pectoral
pectoralis pedicle pedis peduncle pellet pelvic pelvis pen penis per percent percentage percentile
percutaneous perforating perforator perforators performance performed performer performers performing
perfusion pericardial pericardiophrenic pericardium perimeter perineum period perioral peripheral peritioneum
peritoneal peroneal perpendicular persistence persistent person perspective pertinent pet phantom pharyngeal
pharynx phase phases philtrum phone phosphor photo photoacoustic photographic photography photometric photon
photoreceptors phototimer phrenic physical physician physicians physiological pia pieces pin pineal pinna pipe
pipeline pitch pituitary pixel pixels placer plan planar plane planes planned planning plantar plantodorsal
plate playback pleura pneumomediastinum pneumothorax pod point pointer pointers points polar polarity
polarization polygon polygonal popliteal population portacath portal portion portosystemic position positioner
positioning positions positive positives positron post postauricular posterior postero posterolateral
postprocessing potential power powerline prcs pre preauricular precedence precision predecessor predicted
prediction predictor preference preferred pregnancy preliminary premolar preparation prepuce presaturation
prescribed prescription presence present presentation presented preserve preserved pressure previous primary
primitive primitives print printer printing prior priority priors prism private probabilistic probability
probe procedure process processed processing product production profile profunda program progress progression
projection proliferation proliferative prominence prompts prone proper properly properties property proposed
propyliodone prostate prosthesis protocol protocols proton provider proximal pseudo pseudoplaque pto pull
pullback pulmonary pulse pulser pulses pupil pupillary purpose putamen pvc pyramid quadrant quadrature
qualification qualifier qualifiers quality quantified quantity quartile query queue radial radiata radiation
radioactive radiobiological radiofluoroscopy radiographic radiography radionuclide radiopaque
radiopharmaceutical radiotherapy radius ramus randoms range ranging ranking rate rating ratio rational
rationale raw ray rcs read readable readiness reading real rear reason reasons receive receiver receiving
recent receptor recess recipients recognition recognizable recommended reconstruction record recorded recorder
recording records recovery rectal rectangle rectification rectifier rectilinear rectum recumbent reduction ref
reference referenced references referring reflected reflection reformatting refraction refractive region
regional regions registered registration registry regularity regulatory rejected rejection related relational
relationship relative relaxivity relevant reliability religious remaining removal removed renal render
rendered rendering reordered reordering repaint repair repeat repetition replaced report reported reporting
reports repository representation representative reprojection request requested requester requesting rescale
residence residual resistance resistors resolution resonance resonant resource resources respiratory responded
response responsible rest restoration result resulting results retain retest retesting reticular
reticulonodular retina retinal retired retrieval retrieve retro retroperitoneal retroperitoneum return reverse
review reviewer revolution rgb rgba rgbb rgbg rgblut rgbr rib right ring risk rms rnfl robotic robust roi role
roll rolled roof root rotation rotational rotations rounded route routing row rows rpe rplgd rtp rtroi rtv
ruler run runs sacral sacro sacroiliac sacrum sad safe safety sagittal saliency saline salivary salvage sample
samples sampling saphenofemoral saphenopopliteal saphenous satellites saturation saving scale scalene
scalenous scaling scalp scan scanned scanner scanning scapula scapular scar scatter scene scheduled scheme
sclera sclerosis scope score scoring scp screen screening screens screw scroll scrolling scrotum sddn sdhn
sdvn seam seat second secondary seconds seen segment segmental segmentation segmented segments selected
selection selector self sella semi seminal sending sensing sensitivity sensor separation septal septum
sequence sequenced sequencing serial series serratus service sesamoid session set sets setting settings
settling setup setups seventh sex shade shading shadow shaft shape shared sharpness shield shielding shift
shifter shifters shin shininess short shot shoulder show shunt shutter sid side sigma sigmoid sign signal
signature signatures signed signer signet significance simple simulated since single sinus sinuses siphon site
sites sitting sixth size sizes skew skewness skin skip skull slab slabs slew slice slices slide slope slot
slots slow small smallest smoking smoothing snout snr sodium soft softcopy software sole soleal sonographic
sop sort sorting sound soundpath source sources space spacing spatial special specialized species specific
specification specified specimen spectral spectrally spectroscopy specular sphenoid sphere spherical spin
spinae spinal spinalis spine spinous spiral spleen splenic splitting spoiling sponsor spot spots spreading
square ssd stack stage stages stain stamp stand standard standardized standing staple star start starting
state station stationary statistics status steady steep steering stem stent step steps stereo stereometric
sternal sternoclavicular sternocleidomastoid sternum stimuli stimulus stock stomach stooped stop stopper
stopping storage stored stowrs strain stream strength stretcher striatum string strip stripe structure
structured structures student studies study style sub subarachnoid subclavian subcortical subcostal
subcutaneous subject subjective submandibular submental submentovertical suboperations subpleural subscapular
subscapularis subscription subsequent subsets substance substantia subsystem subsystems subtask subtraction
subtype subxiphoid sulfate sum summarized summary summation superficial superior superolateral superseding
supine supplies support supported supporting suppression supra supraclavicular suprapulmonic supraspinatus
suprasternal surface surfaces surgery surgical surgically susceptibility suture suv suvbsa suvbw suvibw suvlbm
switching swivel symbology sympathetic sync synchronization synchronized syntax synthetic syringe system
systemic systems table tabletop tabulated tag tagging tail tangential target tarsal task tasks tau tdr
technique techniques technology teeth telecom telencephalon telephone teletherapy temperature template
temporal temporomandibular tendency tendineae tendon tenth teres term terminal termination test testicular
testis text texture thalamus the thenar therapeutic therapy thermal thermography thermoluminescent thickness
thigh thin third thoracic thoracis thoraco thorax threat three threshold thrombus through thumb thymus
thyrocervical thyroid tibial tick ticks tid tile tilt time timer timers times timestamp timezone timing tip
tissue title tlhc tmax toe tolerance tomo tomographic tomography tomosynthesis tomotherapeutic tongue tool
tooth top topic topical topography toric total trabeculae tracer trachea tracheal tracheotomy track tracking
tract tragus trailing train trajectories tramline transaction transcriber transcription transducer transfer
transforamenal transform transformation transformed transit transition transjugular translation transluminal
transmission transmit transmittance transmitter transoral transorbital transport transthoracic transverse
transversus trapezius trapping traversal traverse tray treatment tree trial trials triangle triatriatum
tributary tricuspid trigger triggers trim trisodium true truncus trunk tuarine tube tubercle tubes tubular
tumor tune two type types tyropanoate udi uid ulnar ultrasound umbilical umbilicus unassigned uncertainty
uncinate underdose underlined unformatted unified uniform uniformity unilateral unique unit units universal
unspecified update updated upper uptake ureter ureteric urethra urethral urgency uri urinary urine url urn
usage use used usefulness user using utc uterine uterus uvula vacuum vagina vaginal vagus valid validation
value values valve van variable variance variant variation vas vascular vector vectors vein velocity vena
venous ventricle ventricular verbal verification verified verifying vermilion version versions vertebra
vertebral vertex vertical vertices verticosubmental vesical vesicle vessel vestibule video view viewing
viewpoint views vii viii violation virtual visibility visit visual vital vitreous vivo voi voilut volume
volumes volumetric vomer voxel vulva vulval wado wadors warning waste water wave waveform wavefront wavelength
wedge wedges week weekday weight weighted weighting weights whole wide width window windows wire with within
without workitem worklist world wrist xaxrf xds xenon xiphoid yaw ybrfullcb ybrfullcr ybrfully ybrictcb
ybrictcr ybricty ybrpartialcb ybrpartialcr ybrpartialy ybrrctcb ybrrctcr ybrrcty zero zonal zone zones zoom
zygoma
"""
