"""Cues to the kind of a message: what it does, beside what it says (`models.language.cues`).

A pattern that starts with `^` and ends with `$` must cover the whole message: it says that nothing else is in it.
"""

from models.language.cues import Cue, cue, words

_ONLY = r"^[\s.,;:?!'\"()-]*(?:{})[\s.,;:?!'\"()-]*$"

_SHORT_ANSWERS = (
    r"(?:(?:ok|okay|yes|no|yep|nope|sure|done|correct|right|understood|got it|noted|fine(?: (?:for|with) me)?"
    r"|sounds good|as discussed|thanks?,? (?:i )?will (?:do|try)(?: \w+){0,3}"
    r"|ok(?:ay)?,? (?:let me|will) \w+(?: \w+){0,2}|fwd?|fyi|test(?:ing)?(?: \w+)?|n/?a|none|nothing|no comment"
    r"|see (?:below|above|attach\w*|subject|the attached.{0,20}))"
    r"[\s.,!]*){1,3}(?:please|thanks|thank you|that'?s (?:the one|it|right))?"
)

_GREETING = (
    r"(?:hi|hello|hey|good (?:morning|day|afternoon|evening)|dear \w+|anybody|anyone)"
    r"(?: (?:there|team|all|support|again|is (?:any|some)(?:one|body) there|are you there))*"
)

FORMS: tuple[Cue, ...] = (
    cue(
        "says nothing of its own",
        _ONLY.format(rf"{_SHORT_ANSWERS}|{_GREETING}|\d{{0,12}}|(?P<same>[a-z])(?P=same){{2,}}"),
    ),
    cue(
        "only gives a detail that was asked for",
        r"^\W*(?:it'?s|it is|i use|i'?m on|we'?re on|i am on|we use|my|our|the|here (?:is|are)|attached|please find)"
        r"\b.{0,25}"
        r"\b(?:number|version|ios|android|windows|mac\w*|linux|iphone|ipad|pixel|samsung|serial|id|username|address|"
        r"e-?mail|logs?|screenshots?|files?|documents?|forms?|attached|v?\d+(?:\.\d+)+)\b.{0,50}$",
    ),
    cue(
        "advertises something or is an automatic notice",
        words(
            """
            seo  backlinks?  first page  top of google  followers  crypto  bitcoin  loan  investors?
            business proposal
            we are a leading  we offer  our company  we design  price list  outsourc\\w+  whatsapp me  telegram
            out of (?:the )?office  automatic reply  auto-?reply  no longer monitored  delivery has failed
            unsubscribe here
            earn money  congratulations  selected  inheritance  guaranteed
            """
        ),
        most=2,
    ),
    cue(
        "takes something back",
        words(
            """
            but  however  unfortunately  sadly  except  apart from  although  though  shame  otherwise  yet
            pity
            only thing  one problem  minus  cons  dislike  drawback  downside
            """
        ),
        most=2,
    ),
    cue(
        "says that it was solved",
        words(
            """
            (?:it|that|this|problem|issue)(?:'s| is| was)? (?:now )?(?:solved|resolved|sorted|fixed)  solved
            all good
            works? (?:again|now)  working (?:again|now)  fixed (?:it|in|so|the)  for fixing  that did it
            did the trick
            (?:no|never) more (?:crashes|problems|issues)  finally fixed  sorted (?:it|that|within)
            brought .{0,20} back
            """
        ),
    ),
    cue(
        "says that it was not solved",
        words(
            """
            not (?:fixed|solved|resolved|help|helped)
            (?:didn'?t|did not|doesn'?t|does not) (?:help|work|answer|solve)
            (?:came|is|are) back  still (?:nothing|the same|broken|happening|waiting|not|no)
            same (?:result|problem|issue|error)
            without solving  persists?  reopen\\w*  already (?:did|tried|reinstalled|restarted)
            tried (?:that|all|everything)
            """
        ),
    ),
    cue(
        "joins somebody's complaint",
        words(
            """
            same (?:here|problem|issue|bug|error)  me too  happens to (?:me|us)
            i have this (?:bug|problem|too)  us too
            also (?:broken|down|affected)  confirmed  anyone else  is it just me  just me
            """
        ),
    ),
    cue(
        "asks for a repair",
        words("fix  sort (?:it|this|out|that)  solve (?:my|this)  look into  replace  repair  restore"),
    ),
    cue(
        "wants a contract, a booking or data changed",
        words(
            """
            cancel  terminate  termination  close (?:my|the|our)  unsubscribe  delete (?:my|our|the|all)
            upgrade  downgrade
            (?:change|update|move|extend|reschedule|transfer|reopen) (?:my|our|the|me|us|it|order)
            (?:switch|swap|exchange|split|remove) (?:my|our|the|me|us|it|order)
            from monthly  to yearly  next possible date  add (?:my|our)  hold my  redeliver  pick ?up  book
            by mistake
            by accident  accidentally
            """
        ),
        most=2,
    ),
    cue(
        "wants something sent, or a call",
        words(
            """
            (?:re)?send (?:me|us|my|our|the|it|a)  copy of  an? invoice  call (?:me|us)?(?: back)?
            duplicate of  certificate
            letter confirming  statement please  quote  demo(?:nstration)?  label please  receipt  whitelist
            enable
            """
        ),
        most=2,
    ),
    cue(
        "misses or hopes for something",
        words(
            """
            i miss  we miss  lacks?  lacking  only (?:thing )?(?:missing|miss)  missing  hope (?:you|to)  hoping
            looking forward to (?!hearing)  if (?:it|you) (?:had|add\\w*)  needs? (?:a|an|to|some|more|better)
            when are you (?:launching|coming)
            if only  wish ?list  idea  proposal  petition  upvot\\w+  even better  handy
            there (?:should|ought|could)
            why (?:is there no|can'?t (?:i|we|you)|not let)  how come there  come to  asks? (?:for|whether|if)
            would like
            """
        ),
        most=2,
    ),
    cue(
        "tells of waiting or of no answer",
        words(
            """
            waiting  waited  no (?:answer|reply|response|one|sign)  nobody  no one  ignor\\w+  on hold
            hung up  never (?:came|arrived|received|answered|got)
            (?:not|n't) (?:reply|replied|replying|answer\\w*|arrived|received|come|shown up|called|rang|delivered)
            promised  was told
            (?:second|third|fourth|fifth|sixth|\\d+(?:st|nd|rd|th)) time
            (?:three|four|five|six|seven|\\w+) times  late
            """
        ),
        most=2,
    ),
    cue(
        "counts time, tries or money",
        r"\b\d+\s?(?:days?|weeks?|months?|hours?|hrs?|min(?:ute)?s?|times|seconds?|secs?|ms|fps|euros?|kwh)\b",
        most=2,
    ),
    cue(
        "says again",
        words(
            "again  anymore  no longer  since  every time  each time  whenever  always  constantly  keeps?"
        ),
        most=2,
    ),
    cue(
        "denies",
        r"\b(?:not|no|never|nothing|without|cannot|nobody|none|nor|dont|doesnt|cant|isnt|wont)\b|n't\b",
        most=3,
    ),
    cue("puts words in quotation marks", r"\"[^\"\n]{2,40}\"|“[^”\n]{2,40}”", most=1),
    cue("exclaims", r"!", most=3),
    cue(
        "asks somebody politely",
        words("please  pls  plz  kindly  could you  can you  would you  may i ask  bitte"),
        most=2,
    ),
    cue(
        "speaks in wishes",
        words("would  could  should  might  wish  hope  maybe  perhaps  it'd  i'd  we'd"),
        most=2,
    ),
    cue(
        "begins with a question word",
        r"^\W*(?:(?:hi|hello|hey|sorry|sir|quick (?:one|question))\W+(?:team\W+|there\W+)?)?"
        r"(?:how|what|what'?s|which|when|where|who|can|could|do|does|did|is|are|am|will|would|should|has|have|may)\b",
    ),
    cue("begins with why", r"^\W*(?:so |and |but )?why\b"),
    cue(
        "wants to understand",
        words(
            """
            wonder\\w*  curious  not sure  unclear  don'?t (?:get|understand)  couldn'?t find  figure out
            understand
            know (?:if|whether|how|when|what|about|more)  difference between  tell me  explain  point me
            is it (?:ok|normal|possible|safe|allowed)
            anyone know  anybody know  recommended way  do i (?:need|have)  should i  am i  asks? how
            """
        ),
        most=2,
    ),
    cue(
        "praises without reserve",
        words(
            """
            best  recommend\\w*  \\d+ stars  five stars  (?:i|we|kids|they|absolutely|really) love
            love (?:it|this|the|you|how)  so (?:good|easy|fast|happy|glad|kind)
            ever  wow  legend  hero  magic  gorgeous  brilliant  superb  amaz\\w+  wonderful  fantastic
            excellent  awesome
            spot on  on fire  a joy  a blessing  impress\\w+  grateful  glad  respect  deserves? a raise
            hats off  unreal
            """
        ),
        most=3,
    ),
    cue(
        "thanks somebody for something",
        words(
            """
            thank(?:s| you)(?: \\w+){0,4} for  thank(?:s| you) to  thank (?:him|her|them|everybody|the)
            many thanks  cheers  ty  thx  can'?t thank
            """
        ),
    ),
    cue(
        "thanks and says no more",
        r"^\W*(?:(?:ok(?:ay)?|great|perfect|super|awesome|brilliant|wow)\W+)?(?:many |a thousand )?"
        r"(?:thank(?:s| you)|thx|ty|cheers|danke|merci|gracias|grazie|obrigad[oa])"
        r"(?: (?:so|very) much| a lot| a million|s)?\W*$",
    ),
)
