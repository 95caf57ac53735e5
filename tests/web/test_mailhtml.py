"""HTML of mails is hostile: what is shown of it can run, send and fetch nothing."""

import re
from html.parser import HTMLParser

import pytest

from api.web import mailhtml
from api.web.mailhtml import MAX_DEPTH, MAX_TAGS, TAGS, clean, has_remote, named

LINK = re.compile(r"(https?://|mailto:|tel:)")
PICTURE = "data:image/png;base64,AAAA"

HOSTILE = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='x'onerror=alert(1)>",
    "<img/src/onerror=alert(1)>",
    "<body onload=alert(1)>",
    "<p onclick=alert(1) ONMOUSEOVER=alert(1)>x</p>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><a xlink:href=javascript:alert(1)><text>x</text></a></svg>",
    "<svg><animate href=#x attributeName=href values=javascript:alert(1) /></svg>",
    "<svg><foreignObject><iframe srcdoc='<script>alert(1)</script>'></foreignObject></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<svg><filter><feImage href='http://e.example/x.png'/></filter></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></math>",
    "<math href=javascript:alert(1)>x</math>",
    "<a href=javascript:alert(1)>x</a>",
    "<a href=' &#1;java\tscript:alert(1)'>x</a>",
    "<a href='JaVa&#10;ScRiPt&colon;alert(1)'>x</a>",
    "<a href='\u200bjavascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='blob:http://x/1'>x</a><a href='file:///etc/passwd'>x</a>",
    "<a href='//e.example/x'>x</a><a href='/v1/tokens'>x</a><a href='?pictures=1'>x</a>",
    "<a href='cid:logo'>x</a>",
    "<a href=http://e.example ping=http://e.example target=_top rel=opener>x</a>",
    "<area href=javascript:alert(1)><map name=x><area href=http://e.example></map>",
    "<base href='http://e.example/'>",
    "<meta http-equiv=refresh content='0;url=http://e.example/'>",
    "<meta http-equiv=Content-Security-Policy content=''>",
    "<link rel=stylesheet href=http://e.example/x.css><link rel=dns-prefetch href=//e.example>",
    "<style>@import 'http://e.example/x.css'; body{background:url(http://e.example/)}</style>",
    "<p style='background:url(http://e.example/x.png)'>x</p>",
    "<p style='background-image:image-set(\"http://e.example/x.png\" 1x)'>x</p>",
    "<p style='background:u\\72l(http://e.example/x.png)'>x</p>",
    "<p style='color:red;/**/background:/**/url(http://e.example)'>x</p>",
    "<p style='width:expression(alert(1));behavior:url(x.htc);-moz-binding:url(x)'>x</p>",
    "<p style='position:fixed;inset:0;z-index:9'>over all</p>",
    "<p style='font-family:\"</style><script>alert(1)</script>\"'>x</p>",
    "<p style='list-style-image:url(http://e.example);cursor:url(http://e.example),auto'>x</p>",
    "<p style='content:attr(x);width:var(--x)'>x</p>",
    "<form action=http://e.example><input name=x value=1><button>go</button></form>",
    "<button formaction=javascript:alert(1)>x</button><input type=image src=http://e.example>",
    "<isindex action=javascript:alert(1)><textarea></textarea><select><option>x</select>",
    "<iframe src=http://e.example></iframe><iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<frameset><frame src=http://e.example></frameset>",
    "<object data=http://e.example><embed src=http://e.example><applet code=x></object>",
    "<video src=http://e.example poster=http://e.example autoplay></video>",
    "<audio src=http://e.example><source src=http://e.example></audio>",
    "<picture><source srcset=http://e.example/a><img src=http://e.example/b></picture>",
    "<img src=http://e.example/x.png srcset='http://e.example/y.png 2x' lowsrc=http://e.example>",
    "<img src=//e.example/x.png><img src=/v1/mails><img src=x.png>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'><img src=data:text/html,x>",
    "<img dynsrc=javascript:alert(1)><img src='javascript:alert(1)'>",
    "<table background=http://e.example><td background=javascript:alert(1)>x</table>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<noembed><img src=x onerror=alert(1)></noembed><noframes><p></noframes>",
    "<xmp><script>alert(1)</script></xmp><plaintext><script>alert(1)</script>",
    "<template><script>alert(1)</script></template>",
    "<title><img src=x onerror=alert(1)></title>",
    "<!--><script>alert(1)</script>--><!--<img src='--><img src=x onerror=alert(1)>'>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml-stylesheet href='http://e.example/x.xsl'?><?php echo 1 ?>",
    "<!DOCTYPE html [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><p>&x;</p>",
    "<p id=content name=csrf class=flash>clobbers</p><img name=getElementById>",
    "<x:script xmlns:x='http://www.w3.org/1999/xhtml'>alert(1)</x:script>",
    "<p contenteditable autofocus onfocus=alert(1) tabindex=1 accesskey=x draggable=true>x</p>",
    "<dialog open><details ontoggle=alert(1) open>x</details></dialog><marquee onstart=alert(1)>",
    "<p title='\"><script>alert(1)</script>'>x</p>",
    "<p title=`><script>alert(1)</script>`>x</p>",
    '<div style="color:red"onmouseover=alert(1)>x<div<script>alert(1)</script>',
    "<\x00script>alert(1)</script><scr\x00ipt>alert(1)</script>",
    "<img src=x\x00 onerror\x00=alert(1)>",
    "\udc80<img src=x onerror=alert(1)>\ud800",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
]


class Reader(HTMLParser):
    """Reads what is left, and knows what may be."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        #: What was read, but for the order of attributes.
        self.told: list[object] = []

    @classmethod
    def of(cls, markup: str) -> "Reader":
        """One that has read it."""
        reader = cls()
        reader.feed(markup)
        reader.close()
        return reader

    def handle_data(self, data):
        self.told.append(data)

    def handle_starttag(self, tag, attributes):
        self.told.append((tag, sorted(attributes)))
        if tag not in TAGS:
            self.wrong.append(tag)
        for name, value in attributes:
            if name.startswith("on") or name in ("srcset", "background", "id", "name", "class"):
                self.wrong.append(name)
            if name == "href" and not LINK.match(value):
                self.wrong.append(value)
            if name == "src" and not value.startswith("data:image/png;"):
                self.wrong.append(value)
            if name == "style" and re.search(r"url|position|\\|expression|var\(", value):
                self.wrong.append(value)

    def handle_comment(self, data):
        self.wrong.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def left(markup: str, **more) -> str:
    return clean(markup, more.pop("pictures", {}), with_remote=False).html


@pytest.mark.parametrize("markup", HOSTILE)
def test_nothing_is_left_that_runs_sends_or_fetches(markup):
    once = left(markup)
    reader = Reader.of(once)

    assert reader.wrong == []
    assert Reader.of(left(once)).told == reader.told


def test_all_of_them_together_leave_nothing_either():
    assert Reader.of(left("".join(HOSTILE))).wrong == []


def test_what_people_write_stays_as_it_is():
    markup = (
        '<table cellpadding="4" width="100%"><tbody><tr style="background-color:#eee">'
        '<td align="right"><b>12 €</b> <font color="#c00">new</font></td></tr></tbody></table>'
        '<ol start="2"><li>two</li></ol><blockquote>said</blockquote>'
    )

    assert left(markup) == markup


def test_links_open_beside_and_tell_nothing():
    found = left("<a href=' https://e.example/a b ' target=_self rel=opener>x</a>")

    assert 'target="_blank"' in found
    assert 'rel="noopener noreferrer"' in found
    assert 'href="https://e.example/a' in found


def test_pictures_elsewhere_stay_only_when_they_are_asked_for():
    markup = "<img src=https://e.example/a.png alt=A><img src='HTTP://e.example/b.png'>"

    assert left(markup) == '<img alt="A"><img>'
    shown = clean(markup, {}, with_remote=True).html
    assert 'src="https://e.example/a.png"' in shown
    assert 'src="http://e.example/b.png"' in shown.lower()


@pytest.mark.parametrize(
    ("markup", "has"),
    [
        ("<img src=https://e.example/a.png>", True),
        ("<IMG\nalt='x' SRC = ' http://e.example/a.png'>", True),
        ("<img src=cid:logo> http://e.example", False),
        ("<a href=https://e.example/a.png>", False),
        ("<img " * 100_000, False),
        ("<img alt='I <3 you' src=\n'\n            https://e.example/a.png'>", True),
        ("<img src=" + " " * 500_000, False),
        ("<img " + ("src=" + " " * 900) * 500, False),
        ("<img " + "src" * 100_000, False),
    ],
)
def test_that_there_are_pictures_elsewhere_is_seen(markup, has):
    assert has_remote(markup) is has


def test_the_mails_own_pictures_are_shown_by_their_content_id():
    markup = "<img src='cid:Logo@x'><img src='cid:other'><img src='CID:LOGO@X'>"

    assert named(markup) == {"logo@x", "other"}
    found = left(markup, pictures={"<logo@X>": PICTURE})
    assert found == f'<img src="{PICTURE}"><img><img src="{PICTURE}">'


TOO_MUCH = {
    "deep": "<div>" * (MAX_DEPTH + 1),
    "deeper": "<div>" * 400_000,
    "misnested": "<div><table></div></table>" * 20_000,
    "many": "<b>" * (MAX_TAGS + 1),
    "crowded": "<p " + " ".join(f"a{n}=b" for n in range(200_000)) + ">x",
    "quoted": "<p " + " ".join(f"a{n}='>'" for n in range(100_000)) + ">x",
    "opened again": "<p>" + "".join(f"<font color=c{n}>" for n in range(200)) + "<p>x" * 5_000,
}


@pytest.mark.parametrize("kind", TOO_MUCH)
def test_what_would_take_for_ever_is_not_even_tried(kind, monkeypatch):
    monkeypatch.setattr("api.web.mailhtml.nh3.clean", None)

    assert clean(TOO_MUCH[kind], {}, with_remote=False) == mailhtml.Cleaned("", is_too_much=True)


@pytest.mark.parametrize("markup", ["", " ", "\0", "<", "<!-- -->", "text", "<p>" * 3_000])
def test_little_or_much_of_nothing_is_cleaned_too(markup):
    assert not clean(markup, {}, with_remote=False).is_too_much
