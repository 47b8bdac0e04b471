package people

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"sync"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

// emitters is the table of all properties.
var emitters = sync.OnceValue(func() map[string]Emitter {
	return map[string]Emitter{
		// Who a user is.
		"id":                text(func(u *Person, dst []byte) []byte { return u.ID(u.index).AppendTo(dst) }),
		"userPrincipalName": text((*Person).appendUPN),
		"displayName":       text((*Person).appendDisplayName),
		"givenName":         text(givenName),
		"preferredName":     text(givenName),
		"surname":           text(func(u *Person, dst []byte) []byte { return append(dst, u.pair.surname.native...) }),
		"mail":              textIf((*Person).hasMail, (*Person).appendMail),
		"mailNickname":      text((*Person).appendLocal),
		"accountEnabled":    func(u *Person, dst []byte) []byte { return strconv.AppendBool(dst, u.enabled()) },
		"userType":          textIf((*Person).hasType, oneOf((*Person).isGuest, "Guest", "Member")),
		"createdDateTime":   dateIf((*Person).hasCreated, (*Person).created),
		"deletedDateTime":   fixed("null"),
		"identities":        identities,
		"identityParentId": textIf((*Person).agent, func(u *Person, dst []byte) []byte {
			owner, _ := u.Manager(u.index) // an agent is never the first user, who has none
			return u.ID(owner).AppendTo(dst)
		}),
		"securityIdentifier": text(func(u *Person, dst []byte) []byte {
			dst = append(appendUint(append(dst, "S-1-12-1-"...), u.bits>>32), '-')
			dst = append(appendUint(dst, u.bits&0xffffffff), '-')
			return appendUint(append(appendUint(dst, u.more>>32), '-'), u.more&0xffffffff)
		}),

		// What a user does in the company.
		"jobTitle":              textIf((*Person).hasDepartment, func(u *Person, dst []byte) []byte { return append(dst, u.department().titles[u.pick(17, 4)]...) }),
		"department":            departmentName,
		"companyName":           text(companyName),
		"employeeId":            textIf(either((*Person).nasty, (*Person).hasEmployeeID), employeeID),
		"employeeType":          textIf((*Person).isMember, oneOf(oneIn(25, 10), "Contractor", "Employee")),
		"employeeHireDate":      dateIf((*Person).hired, func(u *Person) int64 { return u.created() / day * day }),
		"employeeLeaveDateTime": dateIf((*Person).left, func(u *Person) int64 { return u.created()/day*day + 400*day }),
		"employeeOrgData":       employeeOrgData,

		// Where a user is and how to reach them.
		"officeLocation":    place(func(o *office) string { return o.name }),
		"streetAddress":     place(func(o *office) string { return o.street }),
		"postalCode":        place(func(o *office) string { return o.postalCode }),
		"city":              place(func(o *office) string { return o.city }),
		"state":             place(func(o *office) string { return o.state }),
		"country":           place(func(o *office) string { return o.country }),
		"usageLocation":     place(func(o *office) string { return o.code }),
		"mobilePhone":       textIf((*Person).hasMobile, phone),
		"faxNumber":         textIf(oneIn(19, 50), phone),
		"businessPhones":    listIf(func(u *Person) bool { return !u.guest && !u.hasMobile() }, phone),
		"preferredLanguage": textIf(func(u *Person) bool { return !u.guest && u.pick(3, 4) != 0 }, func(u *Person, dst []byte) []byte { return append(dst, u.pair.culture.language...) }),
		"imAddresses":       listIf((*Person).licensed, (*Person).appendMail),
		"otherMails":        listIf((*Person).isGuest, (*Person).appendMail),
		"proxyAddresses":    proxyAddresses,
		"mailboxSettings":   fixed(`{"archiveFolder":null,"timeZone":"UTC","dateFormat":"yyyy-MM-dd","timeFormat":"HH:mm","userPurpose":"user"}`),
		"print":             fixed(`{"recentPrinterShares":[]}`),

		// What comes from an on-premises directory. Never synchronised is null, not false.
		"onPremisesSyncEnabled":       oneOf((*Person).synced, "true", "null"),
		"onPremisesDistinguishedName": textIf((*Person).synced, distinguishedName),
		"onPremisesDomainName":        textIf((*Person).synced, fixed("corp.contoso.example")),
		"onPremisesImmutableId":       textIf((*Person).synced, immutableID),
		"onPremisesLastSyncDateTime":  dateIf((*Person).synced, func(u *Person) int64 { return 1717200000 + int64(u.pick(11, 1800)) }),
		"onPremisesSamAccountName":    textIf((*Person).synced, func(u *Person, dst []byte) []byte { return appendUint(append(dst, 'u'), 100000+uint64(u.index)) }),
		"onPremisesSecurityIdentifier": textIf((*Person).synced, func(u *Person, dst []byte) []byte {
			return appendUint(append(dst, "S-1-5-21-1004336348-1177238915-682003330-"...), 1000+uint64(u.index))
		}),
		"onPremisesUserPrincipalName":   textIf((*Person).synced, func(u *Person, dst []byte) []byte { return append(u.appendLocal(dst), "@corp.contoso.example"...) }),
		"onPremisesExtensionAttributes": extensionAttributes,
		"onPremisesProvisioningErrors":  fixed("[]"),

		// The state of the account.
		"ageGroup":                        textIf((*Person).minor, fixed("Minor")),
		"consentProvidedForMinor":         textIf((*Person).minor, fixed("Granted")),
		"legalAgeGroupClassification":     textIf((*Person).minor, fixed("MinorWithParentalConsent")),
		"creationType":                    textIf((*Person).isGuest, fixed("Invitation")),
		"externalUserState":               textIf((*Person).isGuest, oneOf(oneIn(27, 5), "PendingAcceptance", "Accepted")),
		"externalUserStateChangeDateTime": dateIf((*Person).isGuest, func(u *Person) int64 { return u.created() + 3600 }),
		"deviceEnrollmentLimit":           fixed("5"),
		"isManagementRestricted":          oneOf(oneIn(31, 500), "true", "null"),
		"isResourceAccount":               oneOf(oneIn(31, 500), "true", "null"),
		"lastPasswordChangeDateTime":      dateIf(always, passwordChanged),
		"signInSessionsValidFromDateTime": dateIf(always, passwordChanged),
		"passwordPolicies":                textIf(oneIn(35, 10), fixed("DisablePasswordExpiration")),
		"passwordProfile":                 fixed("null"), // always null to a reader
		"preferredDataLocation":           textIf(func(u *Person) bool { return u.isLate() || !u.People.hostile && u.pick(37, 20) == 0 }, fixed("EUR")),
		"showInAddressList":               oneOf((*Person).isLate, "false", "null"),
		"authorizationInfo":               fixed(`{"certificateUserIds":[]}`),
		"signInActivity":                  signInActivity,
		"assignedLicenses":                oneOf((*Person).licensed, `[{"disabledPlans":[],"skuId":"05e9a617-0261-4cee-bb44-138d3ef5d965"}]`, "[]"),
		"assignedPlans":                   oneOf((*Person).licensed, `[{"assignedDateTime":"2023-03-01T08:00:00Z","capabilityStatus":"Enabled","service":"exchange","servicePlanId":"efb87545-963c-4e0d-99df-69c6916d9eb0"}]`, "[]"),
		"provisionedPlans":                oneOf((*Person).licensed, `[{"capabilityStatus":"Enabled","provisioningStatus":"Success","service":"exchange"}]`, "[]"),
		"licenseAssignmentStates":         oneOf((*Person).licensed, `[{"skuId":"05e9a617-0261-4cee-bb44-138d3ef5d965","disabledPlans":[],"assignedByGroup":null,"state":"Active","error":"None","lastUpdatedDateTime":"2023-03-01T08:00:00Z"}]`, "[]"),
		"serviceProvisioningErrors": oneOf(oneIn(39, 500),
			`[{"@odata.type":"#microsoft.graph.serviceProvisioningXmlError","createdDateTime":"2024-01-02T03:04:05Z","isResolved":false,"serviceInstance":"exchange/namprd01-001-01","errorDetail":"<Error/>"}]`, "[]"),
		"customSecurityAttributes": customSecurityAttributes,

		// What Graph keeps outside the directory and returns for a single user only.
		"aboutMe":   fixed(`"Likes lists that are complete."`),
		"birthday":  dateIf(always, func(u *Person) int64 { return int64(u.bits>>20%1_000_000_000) / day * day }),
		"hireDate":  fixed(`"0001-01-01T00:00:00Z"`),
		"interests": fixed(`["Chess","Gärten"]`),
		"mySite": text(func(u *Person, dst []byte) []byte {
			return append(u.appendLocal(append(dst, "https://contoso-my.sharepoint.example/personal/"...)), '/')
		}),
		"pastProjects":     fixed("[]"),
		"responsibilities": fixed(`["Everything else"]`),
		"schools":          fixed("[]"),
		"skills":           fixed(`["Go","SQL"]`),
	}
})

// A condition says whether a user has a property.
type condition func(u *Person) bool

func always(*Person) bool { return true }

// oneIn is true for one user in n; each at is a decision of its own.
func oneIn(at uint, n uint64) condition {
	return func(u *Person) bool { return u.pick(at, n) == 0 }
}

func either(a, b condition) condition { return func(u *Person) bool { return a(u) || b(u) } }

func not(c condition) condition { return func(u *Person) bool { return !c(u) } }

// fixed emits the same bytes for everybody.
func fixed(json string) Emitter {
	return func(_ *Person, dst []byte) []byte { return append(dst, json...) }
}

// oneOf emits these bytes for those who fulfil the condition and those for the
// others.
func oneOf(is condition, yes, no string) Emitter {
	return func(u *Person, dst []byte) []byte {
		if is(u) {
			return append(dst, yes...)
		}
		return append(dst, no...)
	}
}

// text emits a string, which must not need escaping.
func text(value Emitter) Emitter {
	return func(u *Person, dst []byte) []byte { return append(value(u, append(dst, '"')), '"') }
}

// textIf emits a string for those who have it and null for the others.
func textIf(has condition, value Emitter) Emitter {
	return func(u *Person, dst []byte) []byte {
		if !has(u) {
			return append(dst, "null"...)
		}
		return append(value(u, append(dst, '"')), '"')
	}
}

// dateIf emits a moment for those who have it and null for the others.
func dateIf(has condition, unix func(u *Person) int64) Emitter {
	return textIf(has, func(u *Person, dst []byte) []byte { return appendDate(dst, unix(u)) })
}

// listIf emits a list of one string for those who have it and an empty list for
// the others.
func listIf(has condition, value Emitter) Emitter {
	return func(u *Person, dst []byte) []byte {
		if !has(u) {
			return append(dst, "[]"...)
		}
		return append(value(u, append(dst, `["`...)), `"]`...)
	}
}

// place emits a part of the office's address; guests have none.
func place(part func(o *office) string) Emitter {
	return textIf(func(u *Person) bool { return !u.guest && part(u.office()) != "" },
		func(u *Person, dst []byte) []byte { return append(dst, part(u.office())...) })
}

func appendUint(dst []byte, n uint64) []byte { return strconv.AppendUint(dst, n, 10) }

func givenName(u *Person, dst []byte) []byte { return append(dst, u.pair.given.native...) }

func passwordChanged(u *Person) int64 { return u.created() + int64(u.pick(15, day)) }

func phone(u *Person, dst []byte) []byte {
	return appendUint(append(dst, u.office().phone...), 1000+u.pick(7, 9000))
}

func companyName(u *Person, dst []byte) []byte {
	if u.guest {
		return append(dst, u.guestDomain()[:len(u.guestDomain())-len(".example")]...)
	}
	return append(dst, u.company.firms[u.pick(9, 4)]...)
}

func departmentName(u *Person, dst []byte) []byte {
	switch {
	case u.details != nil && u.details.department != "":
		return append(dst, u.details.department...)
	case !u.hasDepartment():
		return append(dst, "null"...)
	}
	return append(append(append(dst, '"'), u.department().name...), '"')
}

// employeeID has leading zeros: a reader that takes it for a number loses them.
func employeeID(u *Person, dst []byte) []byte {
	if u.nasty() {
		return append(dst, u.numerals[u.index/hostileEvery%len(u.numerals)]...)
	}
	number := u.index + 1
	for limit := 10_000_000; limit > number; limit /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(number), 10)
}

// employeeOrgData has members of which some users have one, or none.
func employeeOrgData(u *Person, dst []byte) []byte {
	switch {
	case u.guest || u.pick(43, 4) != 0:
		return append(dst, "null"...)
	case u.isLate():
		return append(dst, `{"costCenter":null,"division":"South"}`...)
	case u.nasty():
		return append(dst, `{}`...)
	}
	return append(dst, `{"costCenter":"4711","division":"North"}`...)
}

// customSecurityAttributes is of an open type: each user may have other members.
func customSecurityAttributes(u *Person, dst []byte) []byte {
	switch {
	case u.pick(41, 4) != 0:
		return append(dst, "null"...)
	case u.isLate():
		return append(dst, `{"Site":{"@odata.type":"#microsoft.graph.customSecurityAttributeValue","Open":true}}`...)
	case u.nasty():
		return append(dst, `{"Project":{"@odata.type":"#microsoft.graph.customSecurityAttributeValue","Clearance@odata.type":"#Collection(String)","Clearance":[]}}`...)
	}
	return append(dst, `{"Project":{"@odata.type":"#microsoft.graph.customSecurityAttributeValue","Clearance@odata.type":"#Collection(String)","Clearance":["Blue","Green"],"Level@odata.type":"#Int32","Level":3}}`...)
}

func distinguishedName(u *Person, dst []byte) []byte {
	dst = append(givenName(u, append(dst, "CN="...)), ' ')
	return append(append(dst, u.pair.surname.native...), `\\, Staff,OU=People,DC=corp,DC=contoso,DC=example`...)
}

func immutableID(u *Person, dst []byte) []byte {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], u.bits)
	binary.BigEndian.PutUint64(raw[8:], u.more)
	return base64.StdEncoding.AppendEncode(dst, raw[:])
}

// proxyAddresses are the primary address, in capitals, and for one in three a second.
func proxyAddresses(u *Person, dst []byte) []byte {
	if !u.hasMail() {
		return append(dst, "[]"...)
	}
	dst = append(u.appendMail(append(dst, `["SMTP:`...)), '"')
	if u.pick(38, 3) == 0 {
		dst = append(append(u.appendLocal(append(dst, `,"smtp:old.`...)), '@'), u.domain...)
		dst = append(dst, '"')
	}
	return append(dst, ']')
}

func identities(u *Person, dst []byte) []byte {
	dst = append(append(dst, `[{"signInType":"userPrincipalName","issuer":"`...), u.domain...)
	return append(u.appendUPN(append(dst, `","issuerAssignedId":"`...)), `"}]`...)
}

func extensionAttributes(u *Person, dst []byte) []byte {
	dst = append(dst, `{"extensionAttribute1":`...)
	if u.pick(45, 3) == 0 {
		dst = append(appendUint(append(dst, `"Badge `...), uint64(u.index)), '"')
	} else {
		dst = append(dst, "null"...)
	}
	for n := uint64(2); n <= 15; n++ {
		dst = append(appendUint(append(dst, `,"extensionAttribute`...), n), `":null`...)
	}
	return append(dst, '}')
}

// signInActivity shows each form that Graph's documentation knows: nothing for
// those who never signed in, real moments, and the year 1.
func signInActivity(u *Person, dst []byte) []byte {
	if !u.signedIn() {
		return append(dst, "null"...)
	}
	request := func(n uint64) { dst = guid.Of(u.seed, uint64(u.index)*4+n).AppendTo(dst) }
	last := u.created() + day
	dst = appendDate(append(dst, `{"lastSignInDateTime":"`...), last)
	dst = append(dst, `","lastSignInRequestId":"`...)
	request(1)
	dst = append(dst, `","lastNonInteractiveSignInDateTime":"`...)
	if u.pick(47, 4) == 0 {
		dst = append(dst, `0001-01-01T00:00:00Z","lastNonInteractiveSignInRequestId":"`...)
	} else {
		dst = append(appendDate(dst, last+600), `","lastNonInteractiveSignInRequestId":"`...)
		request(2)
	}
	dst = appendDate(append(dst, `","lastSuccessfulSignInDateTime":"`...), last)
	dst = append(dst, `","lastSuccessfulSignInRequestId":"`...)
	request(3)
	return append(dst, `"}`...)
}
