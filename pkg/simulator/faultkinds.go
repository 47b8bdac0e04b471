package simulator

// What a request can be, as a fault's On names it.
const (
	onList  = "list"
	onCount = "count"
	onUser  = "user"
	onBatch = "batch"
	onGraph = "graph"
	onToken = "token"
)

// stage says when a fault strikes.
type stage int

const (
	atAnswer stage = iota // instead of the answer
	atShape               // in the answer: its links, its users, its bytes
)

const endless = -1

// faultKind is what there is to know of a fault.
type faultKind struct {
	name      string
	on        string
	stage     stage
	times     int // its habit, when not told
	firstPage int // the first page that it can strike
	summary   string
}

func kindOf(name string) (faultKind, bool) {
	for _, k := range faultKinds() {
		if k.name == name {
			return k, true
		}
	}
	return faultKind{}, false
}

// faultKinds is the catalogue.
func faultKinds() []faultKind {
	return []faultKind{
		{"401", onList, atAnswer, 1, 0, "a valid token is refused as expired, without a reason"},
		{"cae", onList, atAnswer, 1, 0, "the token is revoked: 401 with a claims challenge until a token is bought with those claims"},
		{"403", onList, atAnswer, endless, 0, "403 Authorization_RequestDenied, as without the permission"},
		{"429-seconds", onList, atAnswer, 1, 0, "throttled, Retry-After: 7"},
		{"429-decimal", onList, atAnswer, 1, 0, "throttled, Retry-After: 1.5"},
		{"429-date", onList, atAnswer, 1, 0, "throttled, Retry-After an HTTP date 9 s ahead"},
		{"429-absent", onList, atAnswer, 1, 0, "throttled, without Retry-After"},
		{"429-storm", onList, atAnswer, 6, 0, "throttled six times in a row, Retry-After: 1"},
		{"500", onList, atAnswer, 1, 0, "500 UnknownError"},
		{"502-html", onList, atAnswer, 1, 0, "502 with a gateway's HTML page"},
		{"503", onList, atAnswer, 1, 0, "503 serviceNotAvailable, without Retry-After"},
		{"503-retry-after", onList, atAnswer, 1, 0, "503, Retry-After: 5"},
		{"504", onList, atAnswer, 1, 0, "504 with an empty body"},
		{"empty-code", onList, atAnswer, 1, 0, "500 with an empty error code"},
		{"html-200", onList, atAnswer, 1, 0, "200 with an HTML page"},
		{"no-value", onList, atAnswer, 1, 0, "200 with {}"},
		{"error-200", onList, atAnswer, 1, 0, "200 with an error envelope"},
		{"redirect", onList, atAnswer, endless, 0, "302 to a foreign host"},
		{"reset-before-headers", onList, atAnswer, 1, 0, "the connection is reset before the response"},
		{"stall-headers", onList, atAnswer, 1, 0, "no response until the client gives up"},
		{"expired-token", onList, atAnswer, 1, 2, "400 Directory_ExpiredPageToken; the chain of pages is dead, a new one works"},

		{"reset", onList, atShape, 1, 0, "the connection is reset in the middle of the users"},
		{"truncate", onList, atShape, 1, 0, "the connection ends in the middle of the users"},
		{"truncate-clean", onList, atShape, 1, 0, "the body ends properly in the middle of a user, as behind a careless proxy"},
		{"stall", onList, atShape, 1, 0, "the users stop coming until the client gives up"},
		{"malformed-json", onList, atShape, 1, 0, "a syntax error among the users"},
		{"in-stream-error", onList, atShape, 1, 0, "an error envelope in the middle of the users, then the end"},
		{"no-id", onList, atShape, 1, 0, "a user without an id"},
		{"slow-body", onList, atShape, endless, 0, "the body comes at 16 KiB a second"},
		{"empty-page", onList, atShape, 1, 0, "a page without users but with a link"},
		{"link-after-value", onList, atShape, endless, 0, "@odata.nextLink comes behind the users"},
		{"loop", onList, atShape, endless, 0, "a page links to itself"},
		{"loop-long", onList, atShape, endless, 2, "a page links back to the second page"},
		{"foreign-host", onList, atShape, endless, 0, "a page links to a foreign host"},
		{"foreign-scheme", onList, atShape, endless, 0, "a page links to http://"},
		{"foreign-path", onList, atShape, endless, 0, "a page links to another collection"},
		{"userinfo-host", onList, atShape, endless, 0, "a page links to https://<graph host>@<foreign host>/"},
		{"poisoned-token", onList, atShape, 2, 0, "the page fails once with 503; the link that its retry gives is then refused with DirectoryPageTokenNotFoundException"},
		{"duplicate", onList, atShape, endless, 2, "a page starts with the last user of the page before it"},
		{"early-end", onList, atShape, endless, 0, "the chain ends in silence behind the page"},
		{"lost-page", onList, atShape, endless, 0, "the page's link jumps over a page of users"},
		{"governor", onList, atShape, endless, 0, "x-ms-throttle-limit-percentage: 0.9"},
		{"replica-lag", onList, atShape, endless, 0, "the page shows the tenant as it was 30 s ago"},

		{"count-lag", onCount, atShape, 2, 0, "$count is 3 too low, twice"},
		{"count-refused", onCount, atAnswer, endless, 0, "$count is refused with 400, as in a B2C tenant"},
		{"count-throttled", onCount, atAnswer, endless, 0, "$count is throttled without end, Retry-After: 10"},

		{"token-429", onToken, atAnswer, 1, 0, "the token service answers 429, Retry-After: 60"},
		{"token-500", onToken, atAnswer, 1, 0, "the token service answers 500"},
		{"token-rejected", onToken, atAnswer, endless, 0, "the client secret is wrong (AADSTS7000215)"},
		{"token-expired-secret", onToken, atAnswer, endless, 0, "the client secret has expired (AADSTS7000222)"},
	}
}
