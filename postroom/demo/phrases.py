"""What the people of a small office write to each other, each in the language of their home."""
# ruff: noqa: RUF001 (letters of other scripts are the point here)

from typing import NamedTuple


class Language(NamedTuple):
    """One colleague: how the name is written, in which charsets, about what, and to whom."""

    code: str
    person: str
    #: Who answers.
    friend: str
    local: str
    charsets: tuple[str, ...]
    greeting: str
    closing: str
    thanks: str
    #: Subjects and what is written under them.
    topics: tuple[tuple[str, str], ...]

    @property
    def address(self) -> str:
        """Where the colleague gets mail."""
        return f"{self.local}@harbour.example"

    @property
    def answering(self) -> "Language":
        """The friend, who writes from another house."""
        return self._replace(person=self.friend, local=f"{self.local}.friend")


WESTERN = (
    Language(
        "en",
        "Amber Finch",
        "Rowan Pike",
        "amber",
        ("us-ascii", "utf-8"),
        "Hello all,",
        "Best wishes",
        "Thank you, that suits me well.",
        (
            ("Notes from Tuesday", "Here are the notes. Please tell me if I left something out."),
            ("The coffee machine is back", "It has been repaired. The first round is on me."),
            ("Invoice for six chairs", "The invoice is attached; it is the price we agreed on."),
            ("Who waters the plants?", "I am away for two weeks in August. Any volunteers?"),
        ),
    ),
    Language(
        "de",
        "Jörg Müllerlind",
        "Käthe Bäumling",
        "joerg",
        ("iso-8859-1", "utf-8"),
        "Hallo zusammen,",
        "Viele Grüße",
        "Danke, das passt mir gut.",
        (
            ("Änderungen am Angebot", "Ich habe die Maße geprüft und zwei Größen geändert."),
            ("Schlüssel für das Büro", "Der neue Schlüssel liegt ab morgen früh in der Küche."),
            ("Übersicht der Messetermine", "Anbei die Übersicht. Wer fährt mit nach Süden?"),
            ("Bücher für die Prüfung", "Die bestellten Bücher sind da und liegen im Flur."),
        ),
    ),
    Language(
        "fr",
        "Chloé Lefèvrin",
        "Noël Forêtier",
        "chloe",
        ("iso-8859-15", "utf-8"),
        "Bonjour à tous,",
        "À bientôt",
        "Merci, cela me convient très bien.",
        (
            ("Déjeuner d'équipe", "Le menu coûte 18 €, dessert et café compris. Qui vient ?"),
            ("Réunion reportée à jeudi", "La salle était déjà réservée ; on se voit à 14 h."),
            ("Œuvres pour le couloir", "Voici les œuvres choisies, il manque encore les cadres."),
            ("Frais de déplacement", "Le reçu est joint : 42 € de train, aller et retour."),
        ),
    ),
    Language(
        "es",
        "Íñigo Peñalver",
        "Begoña Núñezal",
        "inigo",
        ("iso-8859-1", "utf-16"),
        "Hola a todos:",
        "Un saludo",
        "Gracias, me viene muy bien.",
        (
            ("¿Quién tiene el proyector?", "Lo necesito mañana para la presentación del diseño."),
            ("Cumpleaños en la oficina", "¡Habrá tarta a las cinco! Traed una canción."),
            ("Presupuesto del año próximo", "Señalad en la tabla lo que falte antes del viernes."),
            ("Cómo llegar al almacén", "El camión sólo entra por la calle de atrás."),
        ),
    ),
    Language(
        "pt",
        "Conceição Brandal",
        "João Simãozes",
        "conceicao",
        ("iso-8859-1", "utf-8"),
        "Olá a todos,",
        "Um abraço",
        "Obrigada, fica ótimo assim.",
        (
            ("Situação das encomendas", "Três caixas chegaram hoje; a última vem amanhã à tarde."),
            ("Manutenção do elevador", "Não haverá elevador na quarta-feira até às dez."),
            ("Relatório de março", "Já está pronto, só faltam as correções da página três."),
            ("Pão e café", "A padaria da esquina faz um preço especial para nós."),
        ),
    ),
    Language(
        "fi",
        "Väinö Kärjenniemi",
        "Äyräs Mäkiluoma",
        "vaino",
        ("iso-8859-15", "utf-8"),
        "Hei kaikki,",
        "Terveisin",
        "Kiitos, se sopii hyvin.",
        (
            ("Työpöytä lähtee kierrätykseen", "Jos joku haluaa sen kotiin, sanokaa tänään."),
            ("Näytteet ovat täällä", "Kävin hakemassa näytteet, ne ovat pöydällä oven vieressä."),
            ("Kesäpäivän ohjelma", "Lähdemme yhdeksältä, pyyhkeet ja hyvät kengät mukaan."),
            ("Lämpö päällä taas", "Patterit korjattiin yöllä, huone on jo lämmin."),
        ),
    ),
    Language(
        "pl",
        "Żaneta Wiśniowiec",
        "Łucja Źródlińska",
        "zaneta",
        ("iso-8859-2", "utf-8"),
        "Cześć wszystkim,",
        "Pozdrawiam",
        "Dziękuję, bardzo mi to pasuje.",
        (
            ("Zaproszenie na próbę", "Próba zaczyna się o ósmej, proszę przynieść własne krzesło."),
            ("Książki z biblioteki", "Kto wziął żółtą książkę? Trzeba ją oddać w środę."),
            ("Podróż służbowa", "Bilety są już kupione, hotel leży blisko dworca."),
            ("Życzenia dla działu", "Wszystkiego najlepszego z okazji piątej rocznicy!"),
        ),
    ),
    Language(
        "cs",
        "Řehoř Dvořáček",
        "Božena Říčanská",
        "rehor",
        ("windows-1250", "iso-8859-2"),
        "Ahoj všichni,",
        "S pozdravem",
        "Děkuji, hodí se mi to.",
        (
            ("Příští schůzka", "Sejdeme se v úterý v půl čtvrté, přineste prosím náčrty."),
            ("Žlutý hrnek zmizel", "Kdo našel můj žlutý hrnek, ať ho vrátí do kuchyně."),
            ("Nové číslo účtu", "Účtárna má nové číslo, najdete ho v příloze."),
            ("Překlad je hotový", "Prošel jsem ho dvakrát, chybí už jen poslední věta."),
        ),
    ),
    Language(
        "tr",
        "Işıl Gökçeoğlan",
        "Çağrı Şenyuva",
        "isil",
        ("iso-8859-9", "utf-8"),
        "Herkese merhaba,",
        "Sevgiler",
        "Teşekkürler, bana çok uygun.",
        (
            ("Öğle yemeği değişti", "Bugün aşağıdaki lokantaya gidiyoruz, on ikide çıkıyoruz."),
            ("Yazıcı çalışıyor", "Kâğıt sıkışmıştı, şimdi düzgün çalışıyor."),
            ("Sipariş gecikiyor", "Kargo iki gün geç gelecek, müşteriye yazdım."),
            ("Işıkları söndürün", "Akşam son çıkan arkadaş ışıkları söndürsün lütfen."),
        ),
    ),
    Language(
        "vi",
        "Nguyễn Bích Thảo",
        "Trần Đức Minh",
        "thao",
        ("utf-8",),
        "Chào cả nhà,",
        "Thân mến",
        "Cảm ơn, như vậy rất tiện.",
        (
            ("Lịch nghỉ tuần sau", "Mọi người ghi ngày nghỉ vào bảng trước thứ năm nhé."),
            ("Bánh trong tủ lạnh", "Bánh sinh nhật ở ngăn dưới, xin đừng ăn trước ba giờ."),
            ("Hợp đồng đã ký", "Bản quét ở tệp đính kèm, bản giấy tôi để trên bàn."),
            ("Đổi phòng họp", "Phòng lớn đang sửa, chúng ta họp ở tầng hai."),
        ),
    ),
)
