"""Cues to the kind of a message: what it says, as patterns over lower-case text with straight apostrophes.

`models.language.forms` has more, of what a message does. What each speaks for is learned: bench/fit_kind.py.
"""

import re
from dataclasses import dataclass

from models.language.wordlists import any_of


@dataclass(frozen=True, slots=True)
class Cue:
    """A pattern, and what it says in words; of several matches at most `most` count."""

    name: str
    pattern: re.Pattern[str]
    most: int = 1


def cue(name: str, pattern: str, *, most: int = 1) -> Cue:
    """Build a cue from the text of its pattern."""
    return Cue(name, re.compile(pattern), most)


def words(*blocks: str) -> str:
    """Build a pattern that matches any of the phrases as whole words."""
    return rf"(?<!\w){any_of(*blocks)}(?!\w)"


def _starts(*blocks: str) -> str:
    """Match a phrase where a sentence or a clause begins, after a greeting too."""
    clause = r"(?:^|[\n.!?;:,(–—-]\s*|\b(?:and|but|so|also|or|just|maybe|hi|hello|hey|btw)[ ,]+)"
    return rf"{clause}{any_of(*blocks)}(?!\w)"


_GOOD = """
    great  good  nice  lovely  awesome  amazing  amazed  fantastic  excellent  wonderful
    brilliant  perfect  perfectly  superb  beautiful  beautifully  outstanding  terrific  incredible
    incredibly  delightful  fabulous  stellar  solid  smooth  smoothly  snappy  snappier  fast  faster
    quick  quickly  easy  easier  easiest  simple  intuitive  reliable  friendly  helpful  useful  clean
    elegant  impressive  impressed  happy  happier  pleased  satisfied  delighted  thrilled  excited  glad
    grateful  enjoy  enjoys  enjoyed  enjoying  enjoyable  joy  pleasure  love  loves  loved  loving  adore
    adores  best  wow  yay  bravo  kudos  respect  cool  fun  neat  flawless  flawlessly  spotless
    recommend  recommended  thrilling  toll  super  klasse  perfekt  großartig  begeistert  zufrieden  prima
    parfait  génial  excellente?  merveilleux  ravie?  excelente  perfecto  genial  estupendo  encantada?o?
    fenomenal
    """


_BAD = """
terrible  awful  horrible  worst  worse  useless  unusable  unacceptable  ridiculous  frustrat\\w+  annoy\\w+
disappoint\\w+  angry  furious  fed up  hate  hated  disgust\\w+  garbage  trash  crap\\w*  sucks?  pathetic  rubbish
waste of  scam  rip-?off  poor  poorly  nightmare  appalling  misleading  sick of  tired of  painful  clunky  laggy
slow  slower  sluggish  confusing  embarrassing  insane  absurd  shame  joke  mess  dirty  rude  unprofessional
too expensive  overpriced  greedy  outrageous  unreliable  inconsistent  wtf  seriously  pointless  stupid
schlecht  furchtbar  ärgerlich  enttäuscht  nervt  unverschämt  nul  inadmissible  déçue?  pésimo  fatal  horrible
"""

# Asked for politely, these want help or an answer and change nothing: no request.
_HELP = any_of(
    """
    help  fix  see  find  advise  explain  tell  confirm  clarify  note  check  look  let me know  respond  reply
    answer  investigate  assist  sort  stop  recommend  suggest  show me  believe
    """
)

CUES: tuple[Cue, ...] = (
    # --- complaints ---
    cue(
        "says it is broken",
        words(
            """
            broken  broke  breaks  crash  crashes  crashed  crashing  freeze  freezes  freezing  froze
            frozen  hangs  hung  stuck  bugs?  buggy  glitch\\w*  fails?  failed  failing  failure
            corrupt\\w*  timed? ?out  outage  defective  malfunction\\w*  unresponsive  greyed out
            grayed out  cuts? out  went wrong  goes? wrong  black screen  blank  loop  kaputt  defekt
            abstürzt  stürzt  plante  cassée?  en panne  roto  se cierra
            """
        ),
    ),
    cue(
        "names an error",
        words("errors?  error code  exception  4\\d\\d  50\\d  fehler  erreur"),
    ),
    cue(
        "says it does not work",
        r"\b(?:is|are|was|do|does|did|has|have|will|would|ca|could)(?:\s+not|n'?t)\s+(?:\w+\s+){0,2}"
        r"(?:work|load|open|respond|sync|show|arriv|receiv|appear|sav|updat|connect|send|match|fit|play|start|mov|reach|accept|let|get|find)\w*"
        r"|\b(?:never|no\s+longer|nothing|stopp?e?d?s?|quit)\s+(?:\w+\s+)?"
        r"(?:work|load|open|respond|sync|show|arriv|receiv|appear|sav|updat|connect|send|play|happen)\w*"
        r"|\b(?:geht|funktioniert|klappt|lädt|kommt)\b[^.!?\n]{0,40}\bnicht\b|\bne\s+(?:fonctionne|marche)\s+(?:pas|plus)\b"
        r"|\bno\s+(?:me\s+)?(?:funciona|puedo|deja|carga)\b",
    ),
    cue(
        "cannot do what they want",
        words(
            """
            can'?t  cannot  can not  couldn'?t  unable to  not able to  impossible to  won'?t  nobody  no one
            kann nicht  je ne peux (?:pas|plus)  no way to
            """
        ),
    ),
    cue("is annoyed", words(_BAD), most=2),
    cue(
        "lost something or was charged wrongly",
        words(
            """
            charged (?:me |us )?(?:twice|again|double|wrongly|for)  double[- ]?charged  overcharged
            billed (?:twice|again)  lost  disappeared  vanished  gone  wiped  deleted (?:my|our|all)
            locked out  logs? (?:me|us) out  logged (?:me|us) out  kicked out  rejected  declined  wrong
            incorrect  duplicates?  duplicated  twice  out of order  too late  hours late  days late
            delayed  damaged  privacy problem  someone else's
            """
        ),
        most=2,
    ),
    cue(
        "says how long it has been bad",
        words(
            """
            still (?:not|no|doesn'?t|isn'?t|can'?t|haven'?t|broken|seeing|the same|getting)
            since (?:the )?(?:last |latest |new )?(?:update|release|upgrade)
            since (?:yesterday|monday|tuesday|wednesday|thursday|friday|this morning|last week)
            after (?:the |an |your )?(?:last |latest |new |recent )?(?:update|upgrade|release|reinstall)
            every (?:single )?time  each time  (?:two|three|four|five|several|many|second|third) times
            keeps? \\w+ing  constantly  always  for (?:days|weeks|hours|months)
            in (?:two|three|four|five) days  day \\d+  \\d+ days  over an hour  forever  again and again
            waiting (?:for )?\\d+  ever since  never happened before  seit dem update  depuis la mise à jour
            """
        ),
    ),
    cue(
        "says what was better before or promised",
        words(
            """
            used to  no longer  any ?more  was (?:promised|told)  were (?:promised|told)
            you (?:promised|advertise|removed|took away|changed)  why did you (?:remove|change|take)
            (?:your|the) \\w+ says?  was supposed to  without (?:notice|asking|warning)  bring back
            thanks for nothing  paid plan  i pay  we pay  1 star  one star  zero stars  deleted the app
            uninstall\\w*
            """
        ),
    ),
    cue("wants money back", words("refund  money back  chargeback  compensation")),
    cue(
        "denies something good",
        r"\b(?:not|isn'?t|wasn'?t|aren'?t|hardly|never|nothing|far\s+from|n'?t)\s+(?:\w+\s+){0,2}"
        r"(?:great|good|nice|happy|impressed|satisfied|pleased|helpful|useful|worth|easy|reliable|perfect|recommend|ideal|acceptable)\b",
    ),
    cue("is shocked by it", r"\?\?+|!\?|\?!|!!+"),
    cue(
        "asks an angry question",
        _starts(
            """
            how can (?:a|an|you) \\w+ not
            how is (?:this|that) (?:ok|okay|acceptable|possible|legal|allowed)  is it normal (?:that|for)
            why (?:is|are|do|does|did|was|has|have|would|should|can'?t|am|don'?t|doesn'?t|isn'?t)
            what kind of  who (?:designed|thought|approved|tests)
            """
        ),
    ),
    cue(
        "says wryly what should be normal",
        r"\bif (?:\w+ ){1,4}(?:actually|even|just|at least) "
        r"(?:work|start|open|load|answer|respond|show|save|arrive)\w*",
    ),
    # --- requests ---
    cue(
        "asks for something new",
        words(
            """
            feature request  enhancement request  feature idea  suggestion  request for  request:  \\+1
            vote for
            would (?:also )?(?:be )?(?:really |very |so |super )?(?:great|nice|good|helpful|useful|awesome|amazing)
            would (?:also )?(?:be )?(?:really |very |so |super )?(?:lovely|cool|handy|fantastic|ideal|neat|sweet)
            (?:it|that)'d be  would (?:really |also )?(?:love|like|appreciate|welcome|prefer)
            (?:i|we)'d (?:really |also )?(?:love|like|appreciate|prefer|want)
            would (?:help|make|save|pay|allow)  wish  hoping (?:for|you)  any chance of
            any plans? (?:to|for)  on the roadmap  consider  how about
            need(?:s)? (?:a|an|the|to be able|more|better|some|support|another)
            want (?:a|an|to|the|more|better)  (?:we|i) need  missing feature  the ability to  ability to
            an? option  option to  (?:you|it|there|they) should  more \\w+ (?:methods|options|settings)
            possible to  support for  integration with  wünsche mir  wäre (?:schön|toll|super|gut)
            (?:könntet|könnten) (?:ihr|sie)  hätte gern  ich möchte  wir möchten
            serait (?:bien|super|utile)  pourriez-vous  pouvez-vous  j'aimerais  je voudrais  ajouter
            estaría bien  sería (?:bueno|genial|útil)  me gustaría  podrían  quisiera
            """
        ),
        most=2,
    ),
    cue(
        "says please and what to do",
        words(
            rf"""
            (?:please|pls|plz|kindly|bitte)(?: just| also| can you| could you)? (?!{_HELP})[a-zäöüß]{{3,}}
            (?:could|can|would|will) (?:you|someone|anyone|somebody) (?:please |kindly |also )?(?!{_HELP})[a-z]{{3,}}
            (?:i|we)(?: would|'d) like (?:you )?to (?!know|ask|understand|say|thank)[a-z]+  [a-z]{{4,}} please$
            """
        ),
    ),
    cue(
        "begins with what to do",
        _starts(
            """
            add  allow  let  make  give  put  support  include  enable  bring  undo  move  cancel  change
            show  create  provide  offer  introduce  implement  integrate  remove  restore  delete  extend
            raise  increase  more  need  request  fügt  ermöglicht  ajoutez  añadan  agreguen
            """
        ),
    ),
    cue(
        "names something products have",
        words(
            """
            dark mode  dark theme  landscape mode  offline mode  widget  sso  shortcuts?  bulk edit
            templates?  filters?  export  api  integration  view  playlists?  button  column  currencies
            languages?  app for  version  calendar  sync  plugin  zapier  jira  webhook
            """
        ),
    ),
    # --- praise ---
    cue("is pleased", words(_GOOD), most=2),
    cue(
        "praises",
        words(
            """
            well done  keep (?:it )?up  game ?changer  life ?saver
            works (?:great|perfectly|like a charm|flawlessly|well|beautifully|fine|now|again)  just works
            made my (?:day|week|life|year)  five stars  5 stars  10/10  hats off  shout ?out  props  rocks?
            saved (?:me|us|my)  saves (?:me|us)
            thank(?:s| you)(?: so much| a lot)? for (?:the|your|this|all|such|fixing|adding|making|bringing|finally)
            thanks a (?:million|lot|bunch)  above and beyond  worth (?:every|the|it)  did the trick  big fan
            hands down  switched to  told (?:all )?my friends  changed (?:how|my|the way)
            what a (?:great|lovely|nice|good|fantastic|relief)  a (?:joy|pleasure|delight|relief)
            must[- ]have  second to none  by far  exactly what (?:i|we)  merci (?:beaucoup )?pour  danke für
            vielen dank für  gracias por  muchas gracias
            """
        )
        + r"|[❤😍🎉🙌👏🥰🤩💯👍⭐]",
    ),
    cue(
        "praises by denying something bad",
        words(
            """
            no (?:complaints?|issues?|problems?|nonsense|ads|bugs|crashes|more crashes)  not a single
            nothing (?:to complain|bad|but)
            never (?:had|have|once|let me down|let us down|fails|failed|been (?:easier|better|happier))
            can'?t (?:believe how|fault|recommend|complain|live without|imagine)
            couldn'?t (?:be|have been|ask for|live without)
            (?:wouldn'?t|would not|won'?t|never) (?:go back|use anything|want anything)
            never (?:a|any) (?:problem|issue)  keine probleme  aucun problème  ningún problema
            """
        ),
    ),
    cue("thanks", words("thanks  thank you  thx  cheers  danke  merci  gracias")),
    # --- questions ---
    cue(
        "asks for news",
        words(
            """
            any (?:news|updates?|progress|eta|word|luck|movement)  status (?:update|of)
            what'?s the (?:status|eta)  whats the (?:status|eta)  following up  follow(?:ing)?[- ]up
            just checking  checking in
            still waiting (?:for|on) (?:an?|the|your|any) (?:answer|reply|response|update|news)
            heard (?:back|anything)  had a chance to look  gibt es (?:schon )?(?:neuigkeiten|etwas neues)
            des nouvelles  alguna novedad  hay novedades
            """
        ),
    ),
    cue(
        "asks how or whether",
        _starts(
            """
            how (?:do|can|to|does|would|should|long|much|many|old|often|come|is|are|far|big)
            where(?: do| can| is| are| does|'s)?  what(?:'s|s)?  which  when (?:is|will|does|do|can|are)
            who (?:do|does|is|can|should|are)  is  are  do  does  did  can (?:i|we|it|the|my|your|they|this)
            could (?:i|we)  will  would (?:it|this|that|i)  should (?:i|we)  may (?:i|we)  has
            have (?:you|my|the|any)  am i  in which  wie  wo  wann  was  welche[rs]?  kann (?:ich|man)
            gibt es  ist  comment  où  quand  quel(?:le)?s?  est-ce  combien  cómo  dónde  cuándo  cuánto
            qué  cuál  se puede  puedo
            """
        ),
    ),
    cue(
        "wonders",
        words(
            """
            wondering  wonder if  quick question  a question  question about  questions about  questions?:
            curious  not sure (?:how|if|whether|what|where|which|when)
            (?:please |pls |kindly |(?:can|could) (?:you|someone) )(?:please )?(?:explain|tell me|clarify|advise)
            (?:please |pls |kindly |(?:can|could|would) (?:you|someone) )(?:please )?(?:confirm|let me know)
            (?:can|could|would) (?:you|someone) (?:please )?(?:recommend|suggest)
            let me know (?:if|how|whether|what|when|where)  how do i  how can i  how to  is it possible
            is there (?:a|an|any)  do you (?:have|offer|support|know|ship|accept|sell)
            like to (?:know|ask|understand)  want to (?:know|understand)
            trying to (?:figure|find out|understand)  (?:don'?t|do not) understand
            what happens (?:if|to|when)  does (?:anyone|anybody|someone)  no idea how  ¿
            """
        )
        + "|¿",
    ),
    cue(
        "ends with a question mark",
        r"\?\s*(?:(?:thanks|thank you|thx|cheers|regards)\b.{0,30})?\s*$",
    ),
    cue("has a question mark", r"\?"),
)
