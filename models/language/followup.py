"""Tell a later message of a ticket that says something new from "any news?", thanks and acknowledgements."""

import re

from models.language.wordlists import any_of

OWN_WORDS = 10
"""Words a follow-up needs to be read by itself; fewer lean on what was said before."""

JOINING_WORDS = 3
"""Words that the first message of a further person needs, of which one must remain: it is read with the subject."""

_READ = 2_000  # characters; what a message is about stands at its beginning
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
_EMPTY = any_of(
    r"""
    any (?:news|updates?|progress|word|luck|eta)  an? update
    (?:following|follow|checking|check|circling|bumping|chasing|pinging) (?:up|in|back|this|on)
    waiting  haven't heard  not heard  (?:no|nobody|no one|somebody|someone|anyone) \w+
    (?:please|kindly) (?:advise|respond|reply|answer)  let (?:me|us) know
    what(?:'s| is) the (?:status|state|latest|eta)  much appreciated
    (?:that|it|this) (?:works|worked|solved|fixed|helped|did it)
    as (?:requested|attached|asked)  (?:see|find|here (?:is|are)) (?:the )?(?:attached|screenshots?|logs?|files?)
    (?:it )?(?:just )?(?:happened|happens|occurred|is happening) (?:again|once more|to me (?:again|too))
    (?:adding|to add) to (?:the above|my (?:last|previous|earlier) (?:message|mail|ticket))
    looking forward to  hearing from you  it has been \w+ \w+  it's been \w+ \w+
    when (?:will|can|is) (?:this|it|that) (?:be )?(?:fixed|solved|resolved|done|ready)
    gibt es (?:schon )?(?:neuigkeiten|etwas neues|news)  des nouvelles  alguna (?:novedad|noticia)
    """
)
_EMPTY_PHRASE = re.compile(rf"\b{_EMPTY}\b")
_COMMON = re.compile(
    any_of(
        """
        a  about  again  all  already  also  am  an  and  any  anyone  are  as  asked  at  attached  be  been  but
        by  can  cheers  colleague  could  day  days  did  do  does  each  ever  every  everything  fine  fix
        fixed  for  from  get  good  got  great  had  has  have  he  hello  help  her  here  hey  hi  him  how
        i  i'm  i've  if  in  is  issue  it  it's  just  kind  know  last  let  long  look  looking  looks  many
        may  me  message  might  month  months  more  morning  much  my  need  no  not  now  of  ok  okay  on
        one  or  other  our  out  perfectly  please  problem  regards  reply  same  see  she  since  so  solved
        some  soon  still  support  team  than  thank  thanks  that  the  their  them  then  there  these  they
        thing  this  ticket  time  to  today  too  tried  two  up  update  updates  urgent  us  very  wait  was
        we  week  weeks  well  were  what  when  which  who  will  with  works  would  wrote  yes  yesterday
        yet  you  your
        """
    )
)


def says_something(text: str, *, least: int = OWN_WORDS) -> bool:
    """Tell whether a cleaned later message says something of its own.

    It has at least `least` words, and of them half as many different ones that tell something: not the commonest
    words or numbers, nor requests for news, thanks and acknowledgements. Reads the first 2,000 characters.
    """
    head = text[:_READ].lower().replace("\u2019", "'")
    if len(_WORD.findall(head)) < least:
        return False
    words = _WORD.findall(_EMPTY_PHRASE.sub(" ", head))
    telling = {word for word in words if not (_COMMON.fullmatch(word) or word.isdigit())}
    return len(telling) >= least // 2
