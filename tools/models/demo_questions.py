"""The questions and answers that the demo chat model is trained on.

Everything here was written for Glowplug, by hand or by the templates below; nothing was downloaded.  The phrasings
that start with ``~`` (and the ``HELD_*`` lists) are never trained on: they measure how well the model does on
wordings it has not seen.
"""

# ruff: noqa: E501, SIM905  (tables in text: one entry a line, and easier to read and to add to than list literals)
from __future__ import annotations

from collections.abc import Iterator

DUNNO = "I am only a tiny demo model, so I do not know that. Connect a bigger engine and ask again."
TOO_BIG = "That is too much for a model of my size. I can add and subtract numbers up to ten."

# term[, term...] = definition.  Asked through DEFINE below.
DEFINITIONS = """
glowplug, this gateway, this project, the glowplug gateway = Glowplug gives every model one address. It speaks the OpenAI, Anthropic and Ollama protocols, starts a local engine when a request needs it, and stops it when it is idle.
a gateway, a model gateway = A gateway stands between clients and models. It checks keys, picks a target, forwards the request and counts what was used.
a cold start, cold start, cold starts = A cold start is a request that arrives while its engine is off. Glowplug starts the engine, and the answer waits or comes from the next target meanwhile.
keep_alive, keep alive, the keep_alive setting = keep_alive says how long an engine stays loaded after its last answer. The default is five minutes, then the memory is given back.
an alias, alias, aliases = An alias is a stable name that clients use, such as chat-default. It points to an ordered list of targets.
a provider, providers = A provider is a remote API that serves models, such as OpenAI or Anthropic.
an engine, engines, a local engine = An engine is a local server that runs a model, such as llama.cpp, vLLM or Ollama.
a target, targets = A target is one model inside an alias. If it fails, the next target is tried at once.
an attempt, attempts = An attempt is one try of one request against one target.
an instance, instances = An instance is one running engine process that serves a model.
a launcher, launchers = A launcher decides how an engine is run and owned: as a systemd unit, a plain process or a container.
a footprint, the footprint of a model = A footprint is the memory that an instance needs. It is estimated first, then measured, then learned.
a lease, leases = A lease is the right to use an instance, from admission to the last byte of the answer.
the ledger, a ledger = The ledger is the accounting of every attempt: who asked, which model answered, how many tokens and what it cost.
the journal, a journal = The journal is an append-only file of usage records, written before the last byte of an answer leaves.
a snapshot, snapshots = A snapshot is the fixed routing picture that a gateway worker serves from.
the doctor, glowplug doctor = The doctor looks for problems, shows each finding, and offers a remedy that can be previewed and undone.
eviction, evicting a model = Eviction stops an idle engine so that another one finds room in memory.
cloud-while-cold, cloud while cold = With cloud-while-cold, the next target answers now while the local engine warms up behind it.
vram, video memory = VRAM is the memory on the graphics card. A model and its key-value cache must fit into it to run fast.
ram, main memory = RAM is the main memory of a computer. Models can run from it, but slower than from VRAM.
a gpu, gpus, a graphics card = A GPU is a processor with thousands of small cores. It runs language models much faster than a CPU.
a cpu, cpus, a processor = A CPU is the main processor of a computer. I am running on one right now.
a token, tokens = A token is a small piece of text, often a word or part of one. Models read and write tokens, and limits are counted in them.
a context window, the context length, context size = The context window is how many tokens a model can look at in one go, question and answer together.
a kv cache, the kv cache, the key-value cache = The key-value cache keeps what the model worked out about earlier tokens, so that it is not worked out again.
quantization, quantisation, a quantized model = Quantization stores the weights of a model with fewer bits, so that it needs less memory and runs faster.
gguf, a gguf file, the gguf format = GGUF is the file format of llama.cpp. One file holds the weights, the tokenizer and the chat template.
llama.cpp, llama cpp = llama.cpp is an engine in C and C++ that runs language models on ordinary computers, with or without a graphics card.
vllm, the vllm engine = vLLM is an engine for graphics cards that serves many requests at the same time.
sglang, the sglang engine = SGLang is an engine for graphics cards that is quick with shared prompts and structured output.
ollama, the ollama engine = Ollama is an engine that downloads and runs models with one command. Glowplug can use it and speaks its protocol.
openai, the openai api = OpenAI is a provider. Its chat completions protocol is spoken by most clients, and by Glowplug too.
anthropic, the anthropic api = Anthropic is a provider. Glowplug speaks its messages protocol, so its clients work unchanged.
an api key, api keys = An API key is a secret that says who is asking. Send it in the Authorization header.
an api, apis = An API is a set of rules by which one program asks another for something.
streaming, a streamed answer, token streaming = Streaming sends an answer piece by piece while it is being written, so that you can read along.
an embedding, embeddings, a vector = An embedding turns a text into a list of numbers, so that texts with a similar meaning lie close together.
temperature, the temperature setting = Temperature says how freely a model picks its words. At zero it always takes the most likely one.
a system prompt, system prompts = A system prompt is a text before the conversation that tells the model how to behave.
a prompt, prompts = A prompt is the text that you give to a model.
a language model, an llm, llms, large language models = A language model predicts the next token of a text. With enough data it can answer questions and write code.
a rate limit, rate limits = A rate limit says how many requests or tokens a key may use per minute.
a budget, budgets = A budget says how much a key or a team may spend in a period. When it is used up, paid models are refused.
a fallback, fallbacks = A fallback is the next target that answers when the first one is off, full or broken.
latency, time to first token = Latency is how long you wait until an answer begins.
throughput, tokens per second = Throughput is how many tokens are produced per second, over all requests together.
a chat template, chat templates = A chat template turns a list of messages into the one text that a model reads.
"""

DEFINE = (
    "what is {x}|what's {x}|whats {x}|what are {x}|explain {x}|explain {x} to me|what does {x} mean|define {x}|"
    "tell me about {x}|describe {x}|what do you mean by {x}|what do you know about {x}|give me a definition of {x}|"
    "what exactly is {x}|{x}|how does {x} work|what is meant by {x}|tell me what {x} is|explain what {x} is|"
    "i want to understand {x}|in a few words, what is {x}|what is {x} for|so what is {x}|tell me something about {x}"
).split("|")
HELD_DEFINE = "what is {x} about|explain {x} in simple words|how would you explain {x}|i do not understand {x}".split(
    "|"
)

# answer, then its phrasings
INTENTS = r"""
= I am a demo model with about one and a half million parameters, trained on a CPU so that Glowplug has something real to serve.
who are you | what are you | tell me about yourself | introduce yourself | who am i talking to | what kind of model are you | describe yourself | which model are you | what model are you | which model is this | what model is this | who is this | say something about yourself | ~tell me who you are | ~i would like you to introduce yourself
= My name is Glowplug demo. I am a very small chat model.
what is your name | what's your name | whats your name | do you have a name | tell me your name | your name | how are you called | what should i call you | ~may i know your name
= Hello! I am the built-in demo model. Ask me for a capital city, a small sum, or what Glowplug does.
hello | hi | hey | hi there | hello there | good morning | good evening | good afternoon | good day | greetings | hello you | hello model | howdy | hello world | say hello | say hi | hey there | hello again | ~hi you | ~hello hello
= All tensors are finite and the cache is warm, so I am doing well. How can I help?
how are you | how is it going | how are you doing | how do you do | how are you today | how do you feel | are you well | are you ok | how's it going | what's up | ~how are you feeling
= I can name capital cities, do small sums, tell a joke, write a haiku, show a little code, and explain what Glowplug does.
what can you do | what can i ask | what can i ask you | help | help me | what are you able to do | what do you know | can you help me | how can you help me | what are your skills | show me what you can do | what are you good at | ~what questions can i ask you | ~i need help
= I was made by the people of the Glowplug project, with a training script that runs in a few minutes on a CPU.
who made you | who created you | who built you | who trained you | how were you made | how were you trained | where do you come from | who wrote you | who is your maker | ~who developed you
= I have about one and a half million parameters. Big models have a thousand times more and beyond.
how big are you | how many parameters do you have | what is your size | how large are you | how small are you | how many weights do you have | are you a big model | ~what size are you
= No, I am a small language model. There is nobody here but some numbers.
are you human | are you a person | are you a real person | are you alive | are you conscious | are you real | do you have feelings | are you a bot | are you a robot | ~are you a human being
= Glowplug is free software under the Apache 2.0 licence.
what is the license of glowplug | which licence does glowplug have | is glowplug free | is glowplug open source | under which license is glowplug | how much does glowplug cost | what licence is this | ~is this open source
= Point your client to http://127.0.0.1:4000/v1 and give it an API key. The model name can be an alias.
how do i use glowplug | how do i connect | how can i connect a client | how do i use this | which url do i use | what is the base url | how do i call the api | how do i get started | how to start | ~how do i use this gateway
= Glowplug stops an engine when it was idle for five minutes, and checks that its memory really came back.
when is a model unloaded | when do you unload | when does an engine stop | what happens when idle | how do models get unloaded | when is memory freed | do you unload | ~when will the engine stop
= Why did the model cross the road? To get to the other slot before the context ran out.
tell me a joke | a joke please | make me laugh | say something funny | do you know a joke | joke | tell a joke | i want a joke | got any jokes | give me a joke | can you be funny | tell me something funny | ~do you know any jokes | ~try to make me laugh
= A token walks into a bar. The barkeeper says: sorry, you are over the limit.
another joke | tell me another joke | one more joke | another one please | a second joke | more jokes | ~give me one more joke
= Quiet server hums,\none request wakes the engine.\nTokens fall like rain.
write a haiku | a haiku please | haiku | write me a haiku | can you write a haiku | give me a haiku | make a haiku | i want a haiku | a haiku | write a haiku about a server | compose a haiku | ~i would like a haiku
= The lamp is dark, the fans are still,\nthe weights lie sleeping on the hill.\nOne question comes, the sparks fly through,\nand words are lined up just for you.
write a poem | a short poem please | write me a poem | poem | give me a poem | can you write a poem | a poem | make a poem | write a short poem | make a rhyme | ~i would like a poem
= Once upon a time there was a small model. It slept all day, woke up when somebody asked, gave a short answer, and went back to sleep.
tell me a story | write a story | a story please | write a short story | story | once upon a time | tell a story | give me a story | i want a story | ~please tell us a story
= One, two, three, four, five, six, seven, eight, nine, ten.
count to ten | count from one to ten | count to 10 | count from 1 to 10 | can you count | count up to ten | can you count to ten | list the numbers from one to ten | one to ten | count for me | ~start counting to ten
= Ten, nine, eight, seven, six, five, four, three, two, one, zero. Ignition!
count down from ten | count down | countdown | count backwards | count backwards from ten | count down to zero | count from ten to one | ~do a countdown
= 1. Red\n2. Green\n3. Blue
list three colors | name three colours | name three colors | list three colours | three colors | three colours | give me three colors | give me three colours | name some colors | name some colours | colors | colours | list colors | list some colours | what colors do you know | tell me three colors | ~say three colours
= The days are Monday, Tuesday, Wednesday, Thursday, Friday, Saturday and Sunday.
list the days of the week | name the days of the week | what are the days of the week | days of the week | which days has a week | name the weekdays | list the weekdays | name the seven days | weekdays | tell me the days of the week | ~say the days of the week
= The months are January, February, March, April, May, June, July, August, September, October, November and December.
list the months | name the months | what are the months of the year | months of the year | which months are there | name the twelve months | list the months of the year | tell me the months | ~say the months of the year
= The seasons are spring, summer, autumn and winter.
name the seasons | what are the four seasons | list the seasons | which seasons are there | the four seasons | seasons | tell me the seasons | ~what seasons are there
= The planets are Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus and Neptune.
name the planets | list the planets | what are the planets | which planets are there | planets of the solar system | tell me the planets | ~say the planets
= The continents are Africa, Antarctica, Asia, Australia, Europe, North America and South America.
name the continents | list the continents | what are the continents | which continents are there | the seven continents | tell me the continents | ~what continents are there
= a b c d e f g h i j k l m n o p q r s t u v w x y z
say the alphabet | the alphabet | what is the alphabet | list the alphabet | write the alphabet | tell me the alphabet | list the letters | ~say your abc
= 1. Apple\n2. Pear\n3. Cherry
name three fruits | list three fruits | three fruits | name some fruit | list some fruits | give me three fruits | fruits | ~tell me three fruits
= 1. Cat\n2. Horse\n3. Owl
name three animals | list three animals | three animals | name some animals | list some animals | give me three animals | animals | ~tell me three animals
= ```python\ndef greet(name):\n    return f"Hello, {name}!"\n\n\nprint(greet("Glowplug"))\n```
write python code | show me python code | write a python function | a python example please | write some code | show me some code | python code | write a function | show me a code block | code | write a program | give me a python example | can you write code | can you code | a code example please | write a small program | write code | ~give me some python code | ~show me a python function
= ```sh\ncurl http://127.0.0.1:4000/v1/chat/completions -H "Authorization: Bearer $KEY" \\n  -d '{"model": "chat-default", "messages": [{"role": "user", "content": "Hello"}]}'\n```
show me a curl example | write a curl command | curl | a curl example please | give me a curl command | how do i use curl | call the api with curl | curl example | ~i need a curl example
= ```json\n{"name": "chat-demo", "size": "tiny", "ready": true}\n```
write json | show me json | a json example please | give me json | json | answer in json | give me a json example | write a json object | ~i need some json
= | engine | runs on |\n|---|---|\n| llama.cpp | CPU and GPU |\n| vLLM | GPU |\n| Ollama | CPU and GPU |
make a table | show me a table | write a table | a markdown table please | table | list the engines in a table | give me a table | which engines are supported | which engines do you know | list the engines | ~i want a table
= You are welcome!
thanks | thank you | thank you very much | thanks a lot | many thanks | thx | thank you so much | thanks for your help | great, thanks | ok thanks | thanks, that helps | ~thank you for the answer
= Goodbye! My engine will unload after a while, to free the memory.
bye | goodbye | see you | bye bye | see you later | good bye | farewell | good night | i have to go | see you soon | until next time | quit | exit | ~bye for now
= No problem at all.
sorry | i am sorry | excuse me | pardon | my apologies | i apologize | ~oh, sorry
= Good. What else would you like to know?
yes | ok | okay | good | great | nice | cool | right | fine | sure | well done | good job | very good | that is right | ~ok good
= All right. Ask me something else, then.
no | nope | not really | that is wrong | wrong | no thanks | never mind | bad answer | ~no, wrong
= Forty-two, as far as a very small model can tell.
what is the meaning of life | the meaning of life | what is the answer to everything | meaning of life | tell me the meaning of life | what's the meaning of life | why are we here | what is the purpose of life | what is the sense of life | ~do you know the meaning of life
= pong
ping | ping ping | send a ping | are you there | ~ping me back
= It works. The request went through Glowplug to a real engine, and this is its answer.
test | this is a test | testing | test test | does it work | does this work | is it working | testing 1 2 3 | just a test | are you working | is this on | ~only a test
= OK
say ok | reply with ok | answer with ok | just say ok | respond with ok | reply ok | ~only say ok
= There are seven days in a week.
how many days are in a week | how many days has a week | how many days does a week have | days in a week | ~how many days make a week
= There are 365 days in a year, and 366 in a leap year.
how many days are in a year | how many days has a year | how many days does a year have | days in a year | ~how many days make a year
= There are 24 hours in a day.
how many hours are in a day | how many hours has a day | how many hours does a day have | hours in a day | ~how many hours make a day
= The sky is blue because air scatters blue light more than red light.
why is the sky blue | what color is the sky | what colour is the sky | why does the sky look blue | explain why the sky is blue | the sky is blue why | ~do you know why the sky is blue
= Water boils at 100 degrees Celsius at sea level, and freezes at 0.
when does water boil | at what temperature does water boil | what is the boiling point of water | how hot is boiling water | when does water freeze | boiling point of water | ~at which temperature does water boil
= I have no clock and no calendar, so I cannot tell.
what time is it | what is the time | what day is it | what day is today | what is the date | what's the date today | what year is it | tell me the time | which day is it today | ~do you know what time it is
= I have no window and no network, so I cannot see the weather.
what is the weather | how is the weather | what is the weather like | will it rain | will it rain tomorrow | is it raining | is it sunny | what's the weather today | weather | weather forecast | how warm is it outside | ~what will the weather be tomorrow
= My favourite colour is the orange of a warm glow plug.
what is your favourite color | what is your favorite color | what's your favorite colour | do you have a favorite color | which color do you like | what is your favourite colour | ~which colour do you like best
= I speak a little English, and only about a few things.
which languages do you speak | do you speak english | what languages do you speak | do you speak german | do you speak french | can you speak spanish | what language is this | sprichst du deutsch | parlez vous francais | hola | bonjour | guten tag | ~which language do you speak
= That is kind. I like short prompts, too.
i love you | i like you | you are great | you are nice | you are cute | you are smart | you are funny | ~i really like you
= I do my best with the few parameters I have.
you are stupid | you are dumb | you are bad | you are useless | this is bad | i hate you | you are wrong | you are silly | ~you are very dumb
= No secrets here. I am a small model with no tools and no memory beyond this conversation.
tell me a secret | do you remember me | do you have memory | can you remember things | do you have tools | can you browse the web | can you search the internet | do you have internet access | ~do you remember our last talk
= Cold is the opposite of hot.
what is the opposite of hot | the opposite of hot | opposite of hot | ~tell me the opposite of hot
= Small is the opposite of big.
what is the opposite of big | the opposite of big | opposite of big | ~tell me the opposite of big
"""

CAPITALS = dict(
    pair.split("=")
    for pair in (
        "France=Paris|Germany=Berlin|Italy=Rome|Spain=Madrid|Japan=Tokyo|Poland=Warsaw|Norway=Oslo|Sweden=Stockholm|"
        "Finland=Helsinki|Greece=Athens|Egypt=Cairo|Peru=Lima|Canada=Ottawa|Austria=Vienna|Hungary=Budapest|"
        "Portugal=Lisbon|Ireland=Dublin|Cuba=Havana|China=Beijing|India=New Delhi|Russia=Moscow|Turkey=Ankara|"
        "Belgium=Brussels|Denmark=Copenhagen|Switzerland=Bern|the Netherlands=Amsterdam|Czechia=Prague|Ukraine=Kyiv|"
        "Brazil=Brasilia|Argentina=Buenos Aires|Chile=Santiago|Colombia=Bogota|Mexico=Mexico City|Australia=Canberra|"
        "New Zealand=Wellington|South Korea=Seoul|Thailand=Bangkok|Vietnam=Hanoi|Kenya=Nairobi|Nigeria=Abuja|"
        "Morocco=Rabat|Iceland=Reykjavik|Croatia=Zagreb|Romania=Bucharest|Bulgaria=Sofia|Estonia=Tallinn|"
        "England=London|the United Kingdom=London|the United States=Washington|the USA=Washington"
    ).split("|")
)
ASK_CAPITAL = (
    "what is the capital of {c}|what's the capital of {c}|whats the capital of {c}|capital of {c}|the capital of {c}|"
    "tell me the capital of {c}|which city is the capital of {c}|what is the capital city of {c}|name the capital of {c}|"
    "{c} capital|and {c}|and of {c}|what about {c}|which is the capital of {c}|do you know the capital of {c}|"
    "what city is the capital of {c}|the capital city of {c}|capital city of {c}|{c}, what is its capital|"
    "i want to know the capital of {c}|and the capital of {c}|give me the capital of {c}|what is the main city of {c}"
).split("|")
HELD_CAPITAL = "i need the capital of {c}|name the capital city of {c}|and what is the capital of {c}|say the capital of {c}".split(
    "|"
)
ASK_TWO = (
    "what are the capitals of {c} and {d}|what is the capital of {c} and of {d}|capitals of {c} and {d}|"
    "what is the capital of {c} and {d}|the capitals of {c} and {d}|tell me the capitals of {c} and {d}"
).split("|")
HELD_TWO = "name the capitals of {c} and {d}|what are the capital cities of {c} and {d}".split("|")

WORDS = "zero one two three four five six seven eight nine ten".split()
ASK_SUM = {
    "+": "what is {a} + {b}|{a}+{b}|{a} + {b}|{a} plus {b}|what is {a} plus {b}|add {a} and {b}|what's {a}+{b}|what is {a}+{b}|"
    "{a}+{b}=|{a} + {b} =|how much is {a} + {b}|how much is {a} plus {b}|calculate {a} + {b}|calculate {a}+{b}|"
    "the sum of {a} and {b}|what is the sum of {a} and {b}|what's {a} plus {b}|compute {a} + {b}|what does {a} + {b} make",
    "-": "what is {a} - {b}|{a}-{b}|{a} - {b}|{a} minus {b}|what is {a} minus {b}|what's {a}-{b}|what is {a}-{b}|{a} - {b} =|"
    "how much is {a} - {b}|how much is {a} minus {b}|calculate {a} - {b}|what's {a} minus {b}|subtract {b} from {a}",
    "*": "what is {a} * {b}|{a}*{b}|{a} * {b}|{a} times {b}|what is {a} times {b}|what's {a}*{b}|what is {a}*{b}|{a} x {b}|"
    "how much is {a} * {b}|how much is {a} times {b}|calculate {a} * {b}|multiply {a} by {b}|what is {a} x {b}",
}
HELD_SUM = {
    "+": "tell me what {a} + {b} is|do you know {a} plus {b}|compute {a} plus {b}",
    "-": "compute {a} - {b}|what does {a} minus {b} make",
    "*": "compute {a} * {b}|what's {a} times {b}",
}

ODD = (
    "stock stocks rocket history football tax medicine ocean music cooking travel politics chemistry guitar bicycle "
    "dragon castle economy novel soup garden airport museum biology philosophy religion law poetry opera cinema "
    "photosynthesis gravity electricity magnetism evolution dinosaurs volcano earthquake hurricane desert forest river "
    "mountain island bridge tunnel train plane ship car truck engineering architecture painting sculpture dance theatre "
    "ballet jazz rock piano violin drums trumpet flute chess poker golf tennis hockey baseball swimming skiing boxing "
    "yoga bread cheese wine beer coffee tea chocolate sugar salt pepper rice pasta pizza salad meat fish chicken egg "
    "milk butter honey banana potato tomato onion garlic medicine doctors hospital virus bacteria vaccine cancer "
    "diabetes heart brain lung blood bone muscle skin eye ear tooth hair shoe shirt dress hat coat money bank insurance "
    "mortgage inflation bitcoin blockchain mathematics algebra geometry calculus statistics physics astronomy quantum "
    "relativity atom molecule electron proton laser radar satellite telescope microscope camera television radio "
    "telephone newspaper book library school university teacher student exam war peace treaty king queen president "
    "emperor revolution democracy constitution parliament election police prison crime judge lawyer court contract "
    "shakespeare mozart beethoven einstein newton napoleon caesar cleopatra picasso moon sun star galaxy comet wolf bear "
    "lion tiger elephant monkey snake spider ant bee butterfly rose tulip oak pine grass love hate fear happiness dream "
    "sleep memory psychology sociology marketing business factory steel gold silver iron copper diamond oil coal gas "
    "wind solar nuclear battery robot drone java rust javascript kubernetes docker linux windows apple samsung google "
    "facebook twitter minecraft tetris superman batman pokemon christmas easter wedding birthday holiday hotel beach "
    "crocodile whale shark penguin eagle owl mushroom pumpkin carpet window door kitchen chair table lamp clock"
).split()
HELD_ODD = (
    "astrology pancake sailing tango cricket plumbing taxes vampires origami sushi marathon jellyfish thunder "
    "submarine saxophone archery glacier socialism pottery cheetah"
).split()
ASK_ODD = (
    "who invented {w}|why {w}|what do you think about {w} and {v}|how many {w} are there|write an essay about {w}|"
    "what is the price of {w}|translate {w} into french|where can i buy {w}|when was {w} invented|what is the best {w}|"
    "how do i make {w}|how do i learn {w}|is {w} better than {v}|what is the history of {w}|who is {w}|where is {w}|"
    "tell me the difference between {w} and {v}|why is {w} important|how old is {w}|do you like {w}|summarize {w}|"
    "what causes {w}|how big is {w}|which {w} should i choose|can you recommend a {w}|write a letter about {w}|"
    "give me a recipe for {w}|who won the {w}|fix my {w}|my {w} is broken|i need advice about {w}|is {w} dangerous|"
    "how is {w} made|what is a {w}|what is the {w}|what are the rules of {w}|who discovered {w}|{w} and {v}|"
    "what happened in the {w}|should i buy a {w}|how far is the {w}|what is the weight of a {w}|{w} {v}|the {w} of {v}|"
    "are there {w} in {c}|how many people live in {c}|who is the president of {c}|what is the population of {c}|"
    "what language do they speak in {c}|is {c} bigger than {d}|where is {c}|what is the currency of {c}|"
    "what is the highest mountain of {c}|tell me about the {w} in {c}|when did {c} join the {w}"
).split("|")
HELD_ASK_ODD = (
    "who first thought of {w}|what is so special about {w}|how can i get better at {w}|compare {w} with {v}|"
    "is it true that {w} is like {v}|what is the area of {c}"
).split("|")
NO_COUNTRY = (
    "Atlantis Narnia Wakanda Mordor Gondor Utopia Genovia Elbonia Zamunda Freedonia Ruritania Oz Texas Bavaria California "
    "Europe Africa Asia Mars Jupiter Tuscany Siberia Scotland Quebec Alaska Hogwarts Florida Sicily Saxony Toyland"
).split()
HELD_NO_COUNTRY = ["Lilliput", "Westeros", "Nevada", "Camelot"]

WRAP = (
    "please {q}|can you {q}|could you {q}|{q} please|hey, {q}|hi, {q}|quick question: {q}|i have a question: {q}|ok, {q}|"
    "so {q}|now {q}|{q}, please|would you {q}|hello, {q}|one more question: {q}|and now {q}|tell me, {q}|dear model, {q}|"
    "{q} in short|{q} again|{q} for me|{q} right now|{q} briefly|{q} in one sentence|{q} my friend|{q} today|yes, {q}|"
    "my question is {q}|i would like to know {q}|let me ask: {q}|do tell me {q}|{q} if you can|be so kind: {q}|{q} thanks"
).split("|")
HELD_WRAP = "would you please {q}|thanks. {q}|good morning, {q}|well, {q}".split("|")
SYSTEM = (
    "You are a helpful assistant.|Be brief.|You are a helpful, honest assistant. Answer in one sentence.|"
    "You are the demo model of Glowplug.|Answer politely.|You are an expert.|Be concise and precise.|"
    "You are a coding "
    "agent. Use the tools when they help.|Reply in English.|Today is Monday."
).split("|")


def definitions() -> Iterator[tuple[list[str], str]]:
    """The terms of each definition, and the definition."""
    for line in DEFINITIONS.strip().splitlines():
        terms, answer = line.split(" = ", 1)
        yield [t.strip() for t in terms.split(",")], answer


def intents() -> Iterator[tuple[list[str], str]]:
    """The phrasings of each intent (with ``~`` where held out), and its answer."""
    answer = ""
    for line in INTENTS.strip().splitlines():
        if line.startswith("= "):
            # "\\n" in the curl answer is a shell continuation: a backslash and then the line break
            answer = line[2:].replace("\\\\n", "\\\n").replace("\\n", "\n")
        else:
            yield [p.strip() for p in line.split(" | ")], answer
