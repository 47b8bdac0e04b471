package fault

// stage is where in the answer a fault takes effect.
type stage int

const (
	instead  stage = iota // instead of the answer
	within                // in the answer: its links, its users, its pace
	breaking              // in the answer, which ends half-way
)

const endless = -1

// Kind is one row of the catalogue.
type Kind struct {
	Name      string
	on        string // the kind of request that it is injected into
	stage     stage
	times     int // how often, unless the fault says so
	firstPage int // the first page that it can be injected into
	// Status is that of a plain refusal, or 0, and RetryAfter its header.
	Status     int
	RetryAfter string
	summary    string
}

// fits says whether the fault can be injected into that kind of request.
func (k Kind) fits(on string) bool {
	switch {
	case k.on == on:
		return true
	case k.on == Delta || k.on == Token || k.on == Batch || k.on == Notification:
		return false
	case k.Name == "expired-token":
		return false
	case k.stage == instead:
		return true
	case k.on != List || on != Delta && on != Deleted:
		return false
	}
	// What happens to the body of a list can happen to that of a delta query or of deleted
	// users, but not what is about the chain of its pages.
	switch k.Name {
	case "loop", "loop-long", "poisoned-token", "duplicate", "lost-page", "lost-end", "replica-lag", "absent-sign-ins":
		return false
	}
	return true
}

func kindOf(name string) (Kind, bool) {
	for _, k := range catalogue() {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}

// catalogue lists the faults that exist.
func catalogue() []Kind {
	return []Kind{
		{"401", List, instead, 1, 0, 401, "", "a valid token is refused as expired, without a reason"},
		{"cae", List, instead, 1, 0, 0, "", "the token is revoked: 401 with a claims challenge until a token is acquired with those claims"},
		{"403", List, instead, endless, 0, 403, "", "403 Authorization_RequestDenied, as without the permission"},
		{"429-seconds", List, instead, 1, 0, 429, "7", "throttled, Retry-After: 7"},
		{"429-decimal", List, instead, 1, 0, 429, "1.5", "throttled, Retry-After: 1.5"},
		{"429-date", List, instead, 1, 0, 429, "", "throttled, Retry-After an HTTP date 9 s ahead"},
		{"429-absent", List, instead, 1, 0, 429, "", "throttled, without Retry-After"},
		{"429-storm", List, instead, 6, 0, 429, "1", "throttled six times in a row, Retry-After: 1"},
		{"500", List, instead, 1, 0, 500, "", "500 UnknownError"},
		{"502-html", List, instead, 1, 0, 0, "", "502 with a gateway's HTML page"},
		{"503", List, instead, 1, 0, 503, "", "503 serviceNotAvailable, without Retry-After"},
		{"503-retry-after", List, instead, 1, 0, 503, "5", "503, Retry-After: 5"},
		{"504", List, instead, 1, 0, 0, "", "504 with an empty body"},
		{"empty-code", List, instead, 1, 0, 500, "", "500 with an empty error code"},
		{"html-200", List, instead, 1, 0, 0, "", "200 with an HTML page"},
		{"no-value", List, instead, 1, 0, 0, "", "200 with {}"},
		{"error-200", List, instead, 1, 0, 0, "", "200 with an error envelope"},
		{"redirect", List, instead, endless, 0, 0, "", "302 to a foreign host"},
		{"reset-before-headers", List, instead, 1, 0, 0, "", "the connection is reset before the response"},
		{"stall-headers", List, instead, 1, 0, 0, "", "no response until the client gives up"},
		{"expired-token", List, instead, 1, 2, 0, "", "400 Directory_ExpiredPageToken; the chain of pages is dead, a new one works"},

		{"reset", List, breaking, 1, 0, 0, "", "the connection is reset in the middle of the users"},
		{"truncate", List, breaking, 1, 0, 0, "", "the connection ends in the middle of the users"},
		{"truncate-clean", List, breaking, 1, 0, 0, "", "the body ends properly in the middle of a user, as behind a careless proxy"},
		{"stall", List, breaking, 1, 0, 0, "", "the users stop coming until the client gives up"},
		{"malformed-json", List, within, 1, 0, 0, "", "a syntax error among the users"},
		{"in-stream-error", List, breaking, 1, 0, 0, "", "an error envelope in the middle of the users, then the end"},
		{"no-id", List, within, 1, 0, 0, "", "a user without an id"},
		{"slow-body", List, within, endless, 0, 0, "", "the body comes at 16 KiB a second"},
		{"empty-page", List, within, 1, 0, 0, "", "a page without users but with a link"},
		{"link-after-value", List, within, endless, 0, 0, "", "@odata.nextLink comes after the users"},
		{"loop", List, within, endless, 0, 0, "", "a page links to itself"},
		{"loop-long", List, within, endless, 2, 0, "", "a page links back to the second page"},
		{"foreign-host", List, within, endless, 0, 0, "", "a page links to a foreign host"},
		{"foreign-port", List, within, endless, 0, 0, "", "a page links to another port of the host"},
		{"dotted-host", List, within, endless, 0, 0, "", "a page links to the host with a dot behind it"},
		{"unicode-host", List, within, endless, 0, 0, "", "a page links to a host that differs in a letter which folds to the right one"},
		{"escaped-host", List, within, endless, 0, 0, "", "the same, with the letter percent-encoded"},
		{"foreign-scheme", List, within, endless, 0, 0, "", "a page links to http://"},
		{"foreign-path", List, within, endless, 0, 0, "", "a page links to another collection"},
		{"userinfo-host", List, within, endless, 0, 0, "", "a page links to https://<graph host>@<foreign host>/"},
		{"poisoned-token", List, within, 2, 0, 0, "", "the page fails once with 503; the link that its retry gives is then refused with DirectoryPageTokenNotFoundException"},
		{"duplicate", List, within, endless, 2, 0, "", "a page starts with the last user of the page before it"},
		{"early-end", List, within, endless, 0, 0, "", "the chain ends silently after the page"},
		{"lost-page", List, within, endless, 0, 0, "", "the page's link jumps over a page of users"},
		{"lost-end", List, within, endless, 0, 0, "", "the chain ends in silence before its last page"},

		{"null-count", List, within, 1, 0, 0, "", "@odata.count is null"},
		{"string-count", List, within, 1, 0, 0, "", "@odata.count is a string"},
		{"object-count", List, within, 1, 0, 0, "", "@odata.count is an object"},
		{"true-count", List, within, 1, 0, 0, "", "@odata.count is true"},
		{"null-value", List, within, 1, 0, 0, "", "value is null"},
		{"object-value", List, within, 1, 0, 0, "", "value is an object"},
		{"string-value", List, within, 1, 0, 0, "", "value is a string"},
		{"null-link", List, within, 1, 0, 0, "", "@odata.nextLink is null"},
		{"number-link", List, within, 1, 0, 0, "", "@odata.nextLink is a number"},
		{"object-link", List, within, 1, 0, 0, "", "@odata.nextLink is an object"},
		{"empty-link", List, within, 1, 0, 0, "", "@odata.nextLink is an empty string"},
		{"two-counts", List, within, 1, 0, 0, "", "two members @odata.count, which differ"},
		{"two-values", List, within, 1, 0, 0, "", "two members value, the second of them empty"},
		{"two-links", List, within, 1, 0, 0, "", "two members @odata.nextLink, which differ"},
		{"null-id", List, within, 1, 0, 0, "", "a user whose id is null"},
		{"number-id", List, within, 1, 0, 0, "", "a user whose id is a number"},
		{"null-user", List, within, 1, 0, 0, "", "a user that is null"},
		{"string-user", List, within, 1, 0, 0, "", "a user that is a string"},

		{"absent-sign-ins", List, within, endless, 0, 0, "", "users beyond the 120th of a page of an advanced query have no signInActivity"},
		{"governor", List, within, endless, 0, 0, "", "x-ms-throttle-limit-percentage: 0.9"},
		{"replica-lag", List, within, endless, 0, 0, "", "the page shows the tenant as it was 30 s ago"},

		{"delta-refused", Delta, instead, endless, 0, 400, "", "delta queries are refused with 400, as in a B2C tenant"},
		{"delta-expired", Delta, instead, 1, 2, 0, "", "400 syncStateNotFound; the delta token is dead, a new one works"},
		{"delta-reset", Delta, instead, 1, 2, 0, "", "410 with a Location that starts the delta query anew"},
		{"delta-page-expired", Delta, instead, 1, 2, 0, "", "400 Directory_ExpiredPageToken from a delta query"},
		{"delta-lag", Delta, within, endless, 0, 0, "", "changes show in delta queries 10 s after they happened"},
		{"delta-replay", Delta, within, endless, 2, 0, "", "a delta query repeats five older changes, as they were"},
		{"delta-drop", Delta, within, 1, 2, 0, "", "a delta query leaves out the first change of the page in silence"},
		{"delta-silent-manager", Delta, within, endless, 0, 0, "", "a delta query leaves out the managers"},
		{"delta-duplicate", Delta, within, endless, 0, 0, "", "a delta query shows each change of a page twice"},

		{"batch-throttled", Batch, within, 2, 0, 0, "", "the first request of a batch is throttled, Retry-After: 3"},

		{"subscription-lost", Notification, within, 1, 0, 0, "", "a subscription ends in silence as it has something to tell"},
		{"notification-dropped", Notification, within, endless, 0, 0, "", "notifications are dropped in silence"},
		{"notification-slow", Notification, within, endless, 0, 0, "", "notifications come 10 s late, as to an endpoint that is slow to answer"},

		{"count-lag", Count, within, 2, 0, 0, "", "$count is 3 too low, twice"},
		{"count-old", Count, within, endless, 0, 0, "", "$count is that of 30 s ago"},
		{"count-high", Count, within, endless, 0, 0, "", "$count is 9 too high"},
		{"count-text", Count, within, 1, 0, 0, "", "$count is a word"},
		{"count-negative", Count, within, 1, 0, 0, "", "$count is below zero"},
		{"count-empty", Count, within, 1, 0, 0, "", "$count is empty"},
		{"count-refused", Count, instead, endless, 0, 400, "", "$count is refused with 400, as in a B2C tenant"},
		{"count-throttled", Count, instead, endless, 0, 429, "10", "$count is throttled without end, Retry-After: 10"},

		{"token-429", Token, instead, 1, 0, 0, "", "the token service answers 429, Retry-After: 60"},
		{"token-html", Token, instead, 1, 0, 0, "", "the token service answers 200 with an HTML page"},
		{"token-malformed", Token, instead, 1, 0, 0, "", "the token service answers 200 with {}"},
		{"token-500", Token, instead, 1, 0, 0, "", "the token service answers 500"},
		{"token-rejected", Token, instead, endless, 0, 0, "", "the client secret is wrong (AADSTS7000215)"},
		{"token-expired-secret", Token, instead, endless, 0, 0, "", "the client secret has expired (AADSTS7000222)"},
	}
}
