//! What can be said about a rehearsal: names, defaults and help, for the command line.

/// One option of a rehearsal.
#[derive(Debug)]
pub struct Choice {
    /// The flag without its hyphens in front.
    pub flag: &'static str,
    /// What to put there.
    pub value: &'static str,
    /// What counts when nothing was said; in words where it depends on other options, empty for nothing.
    pub default: &'static str,
    /// Under which heading it is shown.
    pub heading: &'static str,
    /// One sentence for `--help`.
    pub help: &'static str,
}

const fn choice(
    heading: &'static str,
    flag: &'static str,
    value: &'static str,
    default: &'static str,
    help: &'static str,
) -> Choice {
    Choice {
        flag,
        value,
        default,
        heading,
        help,
    }
}

const FANS: &str = "Fans";
const SALE: &str = "A sale of the rehearsal's own";
const EXISTING: &str = "A sale that exists";
const SERVER: &str = "Server";
const REPORT: &str = "Report";

/// The environment variable that carries the operator key.
pub const KEY_VARIABLE: &str = "FRONTROW_OPERATOR_KEY";

/// All options but the URL, in the order in which they are shown.
pub const TABLE: &[Choice] = &[
    choice(FANS, "fans", "N", "1000", "How many fans arrive"),
    choice(
        FANS,
        "burst",
        "N",
        "half of the fans",
        "How many of them arrive in the first moment; the others come one by one, at random",
    ),
    choice(
        FANS,
        "arrivals-per-second",
        "RATE",
        "100",
        "How many of the others come in a second, on average",
    ),
    choice(
        FANS,
        "think",
        "SECONDS",
        "2",
        "How long a fan thinks before each step inside, on average",
    ),
    choice(
        FANS,
        "abandon",
        "SHARE",
        "0.1",
        "The share of fans, from 0 to 1, who give up: in line, at the seat map, or with seats in hand",
    ),
    choice(
        FANS,
        "seats-per-fan",
        "N",
        "1",
        "How many seats a fan wants, next to each other",
    ),
    choice(
        FANS,
        "want",
        "any|front",
        "any",
        "any: a place of the fan's own anywhere in the house; front: all fans go for the same few seats in front",
    ),
    choice(
        FANS,
        "money",
        "AMOUNT",
        "what the seats cost, 1000000 with --concert",
        "How much each fan has in the wallet",
    ),
    choice(
        FANS,
        "seed",
        "N",
        "random",
        "Makes arrivals and all choices of fans the same as in another rehearsal with this seed",
    ),
    choice(SALE, "seats", "N", "500", "How many seats are for sale"),
    choice(SALE, "price", "AMOUNT", "50000", "What a seat costs"),
    choice(
        SALE,
        "max-active",
        "N",
        "100",
        "How many fans the gate has inside at once",
    ),
    choice(
        SALE,
        "admissions-per-minute",
        "N",
        "600",
        "How many fans the gate lets in a minute",
    ),
    choice(
        EXISTING,
        "concert",
        "ID",
        "",
        "Rehearse with this concert; its seats are really sold to the rehearsal's fans",
    ),
    choice(EXISTING, "date", "DATE", "", "On this date of it"),
    choice(
        SERVER,
        "operator-key",
        "KEY",
        "FRONTROW_OPERATOR_KEY",
        "A key with the scopes users:write, stats:read, audit:read and, without --concert, catalog:write; better in \
         the environment, others may read command lines",
    ),
    choice(
        SERVER,
        "connections",
        "N",
        "64",
        "How many connections all fans share; waiting for one counts as the fan's waiting",
    ),
    choice(
        REPORT,
        "json",
        "FILE",
        "",
        "Write the report as JSON; - is stdout, and the text then goes to stderr",
    ),
    choice(
        REPORT,
        "html",
        "FILE",
        "",
        "Write the report as one HTML page with plots",
    ),
];
