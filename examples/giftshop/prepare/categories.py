"""The shop's two-level category tree: the first rule whose words stand in a title wins."""

# ruff: noqa: E501 - one rule, one line: what is read here is their order

from __future__ import annotations

import re
from typing import Final

FALLBACK: Final = ("Gifts", "More gifts")

# Order matters: what a thing is for comes before what it is made of, the particular before the general.
# fmt: off
RULES: Final[tuple[tuple[str, str, str], ...]] = (
    # What would be caught by a stray word further down.
    ("Bath & Wellbeing", "Hot water bottles & warmers", r"hot water bottle.*|hottie.*|(?:hand|pocket) warmer.*"),
    ("Home Decor", "Signs & wall art", r"metal sign.*|sign .*metal|(?:number|slate) tile.*|wall plaque|flower pots plaque|personal doorsign|.*busy\" sign|door sign|letter blocks"),
    ("Home Decor", "Photo frames", r"landmark frame.*"),
    ("Home Decor", "Signs & wall art", r"wall art.*|kitchen print.*"),
    ("Home Decor", "Magnets", r"clock magnet.*"),
    ("Home Decor", "Clocks", r"clocks?.*"),
    ("Home Decor", "Doormats & doorstops", r"doorstop.*"),
    ("Cards & Party", "Cards", r"happy birthday card.*"),
    ("Bags & Purses", "Jumbo bags & shoppers", r"jumbo bag.*"),
    ("Bags & Purses", "Lunch bags & boxes", r"backpack for.*"),
    ("Toys & Games", "Money boxes & children's room", r"toy tidy.*"),
    ("Bath & Wellbeing", "Bathroom", r"first aid tin|soap (?:dish|holder|rack).*"),
    ("Furniture & Storage", "Cabinets & shelves", r"kitchen cabinet|cutlery (?:cupboard|shelf)"),
    ("Candles & Lights", "Candles", r"candles? in bowl|scented candle.*"),
    ("Kitchen & Dining", "Plates & bowls", r"salt and pepper.*"),
    ("Christmas", "Decorations", r"folk art clip on stars"),
    ("Home Decor", "Cushions & throws", r"cushion cover.*"),
    ("Home Decor", "Hooks & knobs", r"drawer knob.*|rolling pin hanger|peg hanger|hooks? (?:spatula|tea strainer|balloon whisk)"),
    ("Candles & Lights", "Candle holders & lanterns", r"candle (?:plate|holder|stick|goblet|bowl).*|goblet candle holder|frosted white base"),
    ("Candles & Lights", "Lamps & string lights", r"silicon .*|ubo-light.*"),
    ("Baking & Cake Stands", "Cake tins & storage", r"(?:herb|spice|cake|biscuit) tins? sketchbook"),
    ("Bath & Wellbeing", "Bathroom", r"bathroom scales.*"),
    ("Toys & Games", "Soft toys & dolls", r"ninja.*|feltcraft (?:princess|doll).*"),
    ("Cards & Party", "Paper tableware", r"cocktail parasols?.*"),
    ("Stationery & Craft", "Pens & pencils", r"feather pen.*"),
    ("Stationery & Craft", "Notebooks & albums", r"sticker sheet"),
    # Jewellery before all else: its words ("star", "flower", "ring") occur everywhere else.
    ("Jewellery & Accessories", "Necklaces", r"necklaces?|necklace-leaf.*|lariat|choker|pendant|necklace & bracelet.*"),
    ("Jewellery & Accessories", "Bracelets & bangles", r"bracelets?|bangles?"),
    ("Jewellery & Accessories", "Earrings & rings", r"earrings?|(?<!bubblegum )(?<!key )(?<!napkin )ring(?! binder| of| stand| set)|rings? assorted|brooch"),
    ("Jewellery & Accessories", "Hair accessories", r"hair ?(?:clips?|slides?|grips?|combs?|bands?|ties?)|hairbands?|flower cluster slide|butterfly clips|tiaras?"),
    ("Jewellery & Accessories", "Charms & key rings", r"(?:bag|phone) charms?|bead charm|key ?-?rings?|key ?-?chains?|key fob"),
    ("Jewellery & Accessories", "Jewellery boxes & stands", r"jewel(?:lery)? (?:box|stand|drawer|set)|trinket (?:box|pot|tray)s?|ring stand|keepsake box"),
    ("Jewellery & Accessories", "Umbrellas & rainwear", r"umbrellas?(?! stand)|parasol(?! straws?)|rain (?:hat|poncho|mac)|poncho"),
    ("Jewellery & Accessories", "Hats, scarves & travel", r"scarf(?! hot)(?! knitting)|sombrero|sunglasses|ear muff|slipper(?: shoes| sock)?s?|shoes? (?:small|large)|passport cover|luggage tags?|travel card wallet|glasses case|silk fan|pocket travelling fan|sandalwood fan|fan black|leis|grass skirt"),
    # Seasons.
    ("Christmas", "Wrap, cards & tags", r"christmas (?:card|.*tissues?|.*gift (?:bag|sack|tag)|.*ribbons?)|(?:card|wrap|tags?|ribbons?|gift bag|gift sack|stickers|tissues?|cards).*christmas|(?:card|wrap).*santa|christmas .*(?:cards|stickers|tags)|robin christmas card|yuletide.*|ribbon reel (?:socks|making|snowy|christmas).*|set of 10 cards hanging baubles.*"),
    ("Christmas", "Lights & candles", r"christmas.*(?:lights?|candles?|t-lights?|lantern)|t-lights?.*christmas|candles?.*christmas|t-lights (?:santa|snowmen)|(?:holly|snow) star(?: [ls])?|lights 10 .*|snowflake portable.*"),
    ("Christmas", "Table & kitchen", r"christmas.*(?:napkins?|tablecloth|doilies|cake (?:cases|frill|decorations)|tin|crackers?|pudding.*|doormat|toilet roll)|(?:napkins|doilies|cake cases|tin|crackers|doormat|panettone).*christmas|mini vintage crackers|mini 50s crackers|doormat peace on earth.*|santa place settings|panettone"),
    ("Christmas", "Decorations", r"christmas|xmas|santa|reindeer|snow(?:flake|man|men|storm)?|baubles?|nativity|advent|noel|tinsel|holly|mistletoe|jingle|sleigh|stocking|rocking horse|angels? .*|.* angels?|cherub|gingham (?:star|tree)|glitter (?:star|heart|tree).*|tree decoration|goose feather tree.*|icicle|wish list|laurel (?:heart|star).*|painted zinc|wise man.*|retrospot wooden heart.*|zinc heart decoration|bells? (?:heart|wreath|garland|table).*|pine ?cone.*|hanging jewel.*"),
    ("Easter & Spring", "Easter", r"easter|bunny|bunnies|chicks?|rabbits?(?! eraser)(?! night)(?! keyring)|egg (?:warmer|hunt|basket|box|house|garland)s?|hen(?:s)?(?: house.*| on nest.*| & .*)|hanging.* egg.*|butterfly egg|paper eggs?|picture book eggs|knitted hen|metal chicken.*|wobbly.*|magic garden|farm animal.*|farmyard.*"),
    ("Candles & Lights", "T-light holders", r"t-light (?:glass|holders?|setting|set\b).*"),
    # Children.
    ("Toys & Games", "Soft toys & dolls", r"soft toy|teddy(?! bear mug)|bear(?:s)?(?: doll)?|doll(?!s house)|dolls|monster(?! fun)|ninja|space (?:cadet|frog|owl)|sock puppet|pony|geisha girl|scottie dog(?!s? (?:hot|baby))(?: with.*)?|monkey doll|mouse toy|mummy mouse|baby mouse|cat with scarf|dog toy|soft car toy|mousey|babushka nesting.*"),
    ("Toys & Games", "Games & puzzles", r"jigsaw|dominoes|ludo|snakes & ladders|playing cards|snap cards|card game|games?|bingo|skittles|croquet|rounders|skipping rope|spinning tops?|catch cup|noughts|pick up sticks|quoits|heads and tails.*|solitaire|tic tac.*|jacks|yo yo|chess|marbles|nesting boxes|alphabet blocks|building blocks?(?! word)|toy(?:s)?|helicopter|gliders|flying disc|windmill|bubbles|water bomb|harmonica|magic (?:sheep|tree)|rattle snake.*|dinosaur set|crawlies?.*|snake set|piece dinosaur.*|piece snake.*|inflatable.*|cactus inflatable|kaleidoscope|trumpet|xylophone|recorder|tambourine|glow in dark.*|bubblegum ring.*|knitting nancy|playhouse.*"),
    ("Toys & Games", "Drawing & making", r"magic drawing slate|crayons|stencil craft|colouring set|modelling clay|chalk(?:s)?(?: sticks| balls?)?(?!board)|paint set|paint your own.*|stamp set|water transfer tattoos|tattoos|iron on.*|patches|card kit|sponge stickers?|sticky .*"),
    ("Toys & Games", "Children's kitchen & garden", r"child(?:'s|ren's) (?:garden|breakfast|cutlery|mug|egg cup|bowl|cup|apron|toy).*|.*child(?:'s|ren's) (?:mug|egg cup|bowl|cup|apron|cutlery)|cutlery (?:spaceboy|dolly).*|baking set spaceboy.*|cooking set.*|baby (?:bib|gift set|bunting)|lolly makers|wheelbarrow for children|seaside bucket|beach spade|sandcastle.*|(?:spaceboy|dolly girl|love london) beaker|plasters in tin.*|mini backpack"),
    ("Toys & Games", "Money boxes & children's room", r"money (?:box|bank)|piggy bank|height chart.*|door hanger|toy tidy|night ?light|mobile(?! charm)|wall stickers|painted letters|toadstool led.*|treasure (?:chests?|book box|tin)|pirate.*chest|badges?|boom box.*|bicycle bell|school desk.*|piggy|kids? rain.*|first aid kit"),
    # Bags.
    ("Bags & Purses", "Lunch bags & boxes", r"lunch (?:bag|box)(?:es)?|snack boxes|picnic (?:boxes|bag)s?|cool ?bag|insulated.*"),
    ("Bags & Purses", "Jumbo bags & shoppers", r"jumbo (?:bag|shopper|storage bag)|shopper(?: bag)?|shopping bag|tote bag|charlotte bag|recycling bag|carry.*shopper|doily jumbo bag.*"),
    ("Bags & Purses", "Handbags & purses", r"handbag|hand bag|purse(?! notebook)|shoulder bag|evening bag|bum bag|bag with handle.*|flower bag|candy bag|kids bag|check bag.*"),
    ("Bags & Purses", "Travel & wash bags", r"(?:wash|cosmetics?|weekend|overnight|airline|cabin|pocket|embroidery cosmetic|drawstring) ?bag|washbag|backpack(?! for)|mini cases|suki cosmetic.*"),
    # Paper.
    ("Cards & Party", "Balloons & bunting", r"balloons?(?! girl)(?! writing)|bunting|pennant|paper chain.*|paper (?:garland|bell|fan|ball|lantern)s?|honeycomb.*|party cones?.*|disco ball.*|rosette|confetti.*|barrier tape|flag(?:s)? of.*|car flag|windsock|party (?:charms|bags?|invites|sunglasses|food).*|dragon paper lanterns|happy birthday garland|garland.*balls|balls garland|crossbones garland|citrus garland.*"),
    ("Cards & Party", "Paper tableware", r"paper (?:cups?|plates?|napkins?|doilies|party.*)|napkins|doilies|straws?|cocktail.*|cutlery set disposable|wood plate set.*|place settings?|table lantern.*|paper table.*|cup ?cake cases|popcorn holder|party candles"),
    ("Cards & Party", "Cards", r"(?<!message )(?:birthday|greeting|blank|folk art|fun) cards?.*|^card .*|.* cards?$|notelets.*|postcards? (?:set|spring).*|vintage postcard.*|greeting card.*|birthday card.*|message cards.*|kit cards.*"),
    ("Cards & Party", "Wrapping paper & gift bags", r"^wrap .*|.* wrap$|gift ?wrap.*|wrapping paper|roll wrap.*|gift bag.*|paper bags?|gift boxes|gift tags?|gift tape|tissues?(?! box)|tissue ream|wrap.*set|chocolate gift bag|party bag.*|wrapping tape"),
    ("Cards & Party", "Ribbons & tapes", r"ribbons?(?! purse)|raffia ribbons|tapes?(?! measure)(?! dispenser)"),
    ("Stationery & Craft", "Pens & pencils", r"pens?(?: .*)?$|pens? (?:red|fuchsia|baby|set|in|assorted).*|pencils?|sharpeners?|highlighter.*|erasers?|rubbers?|ruler|crayon.*|doggy rubber"),
    ("Stationery & Craft", "Notebooks & albums", r"note ?books?|sketchbook(?! magnetic)|journal|pocket book|address book|exercise books|scrap ?book.*|photo album|memo (?:pad|block)|notepad|writing set|stationery.*|diary|images notebook.*|envelope 50.*|purse notebook|sticker sheet|stickers?|book mark|calendar"),
    ("Stationery & Craft", "Desk & home office", r"calculator|hole punch|tape dispenser|paperweight|letter (?:rack|tray|holder)|office tidy|scissors?|magnetic (?:shopping list|notepad)|headphones|mug warmer|clips?(?: line| string| rope.*)?|photo clip.*|radio|phone.*|desk.*"),
    # Kitchen.
    ("Baking & Cake Stands", "Cake stands & plates", r"cake ?stands?(?! t-light)|cake plate|cake cover.*|cake (?:carrier|slice|fork|dome).*|cloche.*|bell jar"),
    ("Baking & Cake Stands", "Cake tins & storage", r"cake tins?|(?:biscuit|cookie|stacking|knick knack|storage|round|tea time|recipe) tins?|biscuit (?:bin|barrel)|cookie jar|sugar tins.*|tins? (?:vintage|jardin|camembert|dutch|pantry|keepsake).*|biscuits tins|table tins|figures tins|spice tins|herb tins|easter tin.*|first aid tin|two round tins.*|round tins.*|bread bin.*|cannister|canister"),
    ("Baking & Cake Stands", "Cutters, moulds & cases", r"cookie cutters?.*|biscuit cutters?.*|baking (?:mould|set|cases|tray).*|cake cases?|petit four cases|fairy cake cases|jelly moulds?|cupcake.*paper.*|rolling pin.*|pastry brush|loaf baking.*|measuring (?:spoons?|jug)|mixing bowls?|toast its.*|ice lolly.*|cake decorations|birthday candle set|baking cases|whisk.*|spatula|spoons?(?! rest)(?: .*wooden)?|lolly moulds"),
    ("Kitchen & Dining", "Mugs & cups", r"mugs?(?! cosy)|beakers?|tea ?cups?.*|cup (?:& |and )?saucer|coffee cup.*|breakfast cup.*|shape cup|polkadot cup|retrospot cup|tumbler.*|bone china.*"),
    ("Kitchen & Dining", "Teapots & tea time", r"tea ?pot|tea set|tea for one|tea cosy|mug cosy|egg cosy|tea bag plate|tea caddy|coffee caddy|coffee set|tea strainer|sugar (?:bowl|tongs|dispenser|jam bowl)|milk jug|tea plate|tea spoon|teaspoons|tea, coffee.*|tea container|coffee container|coffee grinder.*|tea glass.*|butter dish|toast ?rack|beurre.*"),
    ("Kitchen & Dining", "Plates & bowls", r"plates?(?! set disposable)|bowls?(?! candle)|dish(?!.*soap)|platter|charger.*|fruit bowl|ladle.*|condiment.*|pizza.*|egg (?:cup|holder).*|pudding bowl|dog bowl|cat bowl|egg holder|chopsticks"),
    ("Kitchen & Dining", "Glasses & jugs", r"glass(?:es)?$|glass (?:jug|goblet|chalice).*|.*(?:milkshake|champagne|wine|aperitif|fashioned) (?:glass|goblet).*|goblet|chalice.*|jug|decanter.*|flask|bottles? in crate|milk bottle.*|stopper.*|wine bottle.*|bottle (?:opener|bag).*|cordial.*"),
    ("Kitchen & Dining", "Jars & storage", r"(?:storage |bon bon |jam |glass |apothecary |measuring )?jars?(?! t-light)(?! magnet)|jam (?:making|pot).*|kitchen (?:scales|organiser|cabinet|thermometer|clock).*|recipe box.*|recipe book.*|bread bin|food (?:container|cover).*|round container.*|food containers?|utensil holder|egg basket|spoon rest|dispenser|squeezer|pot with lid"),
    ("Kitchen & Dining", "Aprons, towels & gloves", r"aprons?|tea towels?|oven (?:glove|mitt).*|washing up (?:gloves|brush)|peg bag|tablecloth|table cloth|table run.*|placemats?.*|coasters?.*|napkin (?:rings?|charms?|box).*|gloves assorted|scrubbing brush|ironing.*|cotton napkins"),
    ("Kitchen & Dining", "Pans & utensils", r"(?:frying|milk|egg|egg frying) pan.*|cutlery.*|chopping board.*|colander.*|apple corer|tray.*|kitchen.*|pantry.*|picnic.*|hamper.*|pan$|fly swat|clothes pegs.*|dolly pegs.*|pegs?.*"),
    # Home.
    ("Candles & Lights", "T-light holders", r"t-light (?:holders?|glass|setting|set|candle holder).*|.*t-light holders?.*|.*glass.*t-light.*|votive holder.*|hanging t-light|t-light.*hanging"),
    ("Candles & Lights", "Candle holders & lanterns", r"candle ?(?:holders?|stick|stand|plates?|lamp|pot|bowl|base).*|candlesticks?.*|candlestand|lanterns?(?! paper).*|hurricane lamp|candelabra.*|chandelier.*|metal base for candles|candle holder base"),
    ("Candles & Lights", "Candles", r"candles?.*|t-lights?.*|tea lights.*|.*t-lights|scented.*candle"),
    ("Candles & Lights", "Lamps & string lights", r"lamp(?:shade)?s?.*|lights?(?! (?:pink|blue|green|holder)).*|light chain|light ?bulb.*|lightbulb.*|led .*|bulb.*|shade|night owl|torch"),
    ("Candles & Lights", "Incense & fragrance", r"incense.*|oil burner|fragrance.*|scented.*|pot pourri.*|matches"),
    ("Garden", "Plants & pots", r"plant(?:er)?s?(?: pot| holder| cage| ladder)?.*|flower ?pots?.*|watering can.*|herb (?:marker|garden).*|garden marker|grow (?:your own|a) .*|seed.*|twine|sow .*|artificial flower|.*peony.* flower|lavender artificial.*|plant pot.*|terrarium"),
    ("Garden", "Garden life", r"gardens? (?!wall clock).*|garden(?:er's)?(?: |$).*|bird ?(?:house|table|feeder|bath|cage|box).*|birdcage|feeding station|dovecote.*|hammock.*|gnome|wind ?chime|chime.*|thermometer.*|kneeling.*|spirit level|screwdriver|tool set|garden tools.*|secateurs|deckchair.*|fairy pole.*|potting shed.*|rake.*|trowel.*|camping.*"),
    ("Bath & Wellbeing", "Bathroom", r"soap.*|bath(?:room)?(?! (?:metal sign|hook|building)).*(?:set|bottle|sponge|scales|salts|sign blue).*|flannel|(?:hand|cake|roll|rose) towel.*|towel.*|shower cap|toilet(?:te)?.*|bath sponge|bathroom (?:set|scales|bottle).*|cotton wool|waste ?(?:paper )?bin.*|bullet bin|laundry.*|water basin|wash bowl.*"),
    ("Bath & Wellbeing", "Beauty & mirrors", r"compact mirror|pocket mirror.*|lip gloss|balm.*|.*mirrors?(?! magnets)(?: .*)?|first aid.*|manicure.*|pill box.*"),
    ("Stationery & Craft", "Sewing", r"sewing.*|pin cushion.*|measuring tape.*|tape measure|needle.*|button(?:s)? box|buttons.*|repair kit|hoops?"),
    ("Stationery & Craft", "Craft kits", r"feltcraft.*|craft.*|knitting kit|kit$|kit .*|sew on.*|felt craft.*|paper flowers|filler pad.*"),
    ("Home Decor", "Cushions & throws", r"cushions?.*|throws?$|.* throw|quilt.*|pouffe.*|foot stool.*|filler pad.*|seat cushion.*|blanket.*"),
    ("Home Decor", "Clocks", r"clocks?.*"),
    ("Home Decor", "Photo frames", r"(?:photo|picture|portrait|record|landmark|parlour|hanging|wooden|white|cover|classic white|victorian) ?frames?.*|frames?$|photo (?:cube|shelf).*|frame .*|picture frame.*|canvas.*|record cover.*"),
    ("Home Decor", "Signs & wall art", r"signs?.*|wall art.*|(?:number|slate) tile.*|plaque.*|(?:chalk|black|memo) ?board.*|block (?:word|letters)|wood letters|letters.*|.*print$|kitchen print.*|vintage shells.*|map.*|wall (?:decoration|hanging).*|flying ducks|screen$|door sign.*"),
    ("Home Decor", "Hooks & knobs", r"hooks?.*|drawer ?knobs?.*|coat ?(?:racks?|hangers?).*|hangers?.*|key (?:holder|cabinet).*|peg hanger|clothes hanger|storage hanger|door ?bell|doorbell"),
    ("Home Decor", "Doormats & doorstops", r"doormat.*|door ?mat.*|doorstop.*|mat (?:red|green|blue|turquoise|pink|lavender)"),
    ("Home Decor", "Magnets", r"magnets?.*"),
    ("Furniture & Storage", "Cabinets & shelves", r"cabinet.*|cupboard.*|shel(?:f|ves|ving).*|chest.*|drawers?(?! liners).*|sideboard.*|wall tidy.*|wall organiser|organiser.*|shoe tidy|magazine rack.*|rack$|newspaper stand|curtains?.*|storage cubes.*|umbrella stand|tidy.*"),
    ("Furniture & Storage", "Chairs, stools & tables", r"chairs?.*|stools?.*|tables?(?! decoration).*|love seat.*|bench.*|ladder.*|desk.*"),
    ("Furniture & Storage", "Baskets & boxes", r"baskets?.*|crates?.*|(?:storage|book|oval|round|nesting|baroque black|tissue|metal|heart|pop|fabric oval|egg|paper|decoupage heart|rose peg) box(?:es)?.*|boxes.*|(?:wood|wooden|shoe shine|cutlery|metal) box.*|buckets?.*|tins?(?: .*)?$|caddy|holdall|cigar box.*|box$|box (?:sign|top).*|shoe shine.*|baskets"),
    ("Home Decor", "Hanging hearts & decorations", r"hearts?(?: .*)?|hanging.*|decorations?.*|garlands?.*|wreath.*|stars?(?: .*)?|wicker.*|ornament.*|doves?.*|birds?.*|butterfl(?:y|ies).*|trellis.*|mobile.*|card holder.*|memo holder.*|shell.*|mushroom.*|toadstools?.*|vase.*|flower.*|rose.*|lovebirds?.*|buddha.*|ceramic ball|tile.*|bottle.*|hand open.*|string.*|figurine.*|glass gems.*|stones.*|metal cat|pears.*|cow ?parsley.*|ash ?tray.*|gaolers.*|daisy.*"),
)
# fmt: on

_COMPILED: Final = tuple((top, sub, re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE)) for top, sub, words in RULES)


def category_of(title: str) -> tuple[str, str]:
    """The title's place in the tree, as (department, shelf)."""
    for top, sub, pattern in _COMPILED:
        if pattern.search(title):
            return top, sub
    return FALLBACK
