package simulator

// complexEmitter writes the properties that are objects or lists of objects.
func complexEmitter(name string) emitter {
	switch name {
	case "assignedLicenses":
		return objectsIf((*person).licensed, `[{"disabledPlans":[],"skuId":"05e9a617-0261-4cee-bb44-138d3ef5d965"}]`)
	case "assignedPlans":
		return objectsIf((*person).licensed, `[{"assignedDateTime":"2023-03-01T08:00:00Z","capabilityStatus":"Enabled","service":"exchange","servicePlanId":"efb87545-963c-4e0d-99df-69c6916d9eb0"}]`)
	case "provisionedPlans":
		return objectsIf((*person).licensed, `[{"capabilityStatus":"Enabled","provisioningStatus":"Success","service":"exchange"}]`)
	case "licenseAssignmentStates":
		return objectsIf((*person).licensed, `[{"skuId":"05e9a617-0261-4cee-bb44-138d3ef5d965","disabledPlans":[],"assignedByGroup":null,"state":"Active","error":"None","lastUpdatedDateTime":"2023-03-01T08:00:00Z"}]`)
	case "onPremisesProvisioningErrors":
		return literal(`[]`)
	case "serviceProvisioningErrors":
		return objectsIf(func(u *person) bool { return u.pick(39, 500) == 0 },
			`[{"@odata.type":"#microsoft.graph.serviceProvisioningXmlError","createdDateTime":"2024-01-02T03:04:05Z","isResolved":false,"serviceInstance":"exchange/namprd01-001-01","errorDetail":"<Error/>"}]`)
	case "authorizationInfo":
		return literal(`{"certificateUserIds":[]}`)
	case "customSecurityAttributes":
		return objectIf(func(u *person) bool { return u.pick(41, 4) == 0 },
			`{"Project":{"@odata.type":"#microsoft.graph.customSecurityAttributeValue","Clearance@odata.type":"#Collection(String)","Clearance":["Blue","Green"],"Level@odata.type":"#Int32","Level":3}}`)
	case "employeeOrgData":
		return objectIf(func(u *person) bool { return !u.guest && u.pick(43, 4) == 0 }, `{"costCenter":"4711","division":"North"}`)
	case "identities":
		return emitIdentities
	case "mailboxSettings":
		return literal(`{"archiveFolder":null,"timeZone":"UTC","dateFormat":"yyyy-MM-dd","timeFormat":"HH:mm","userPurpose":"user"}`)
	case "onPremisesExtensionAttributes":
		return emitExtensionAttributes
	case "passwordProfile":
		return literal(`null`) // always null to a reader
	case "print":
		return literal(`{"recentPrinterShares":[]}`)
	case "signInActivity":
		return emitSignInActivity
	default:
		return nil
	}
}

func objectsIf(has func(u *person) bool, json string) emitter {
	return func(dst []byte, u *person) []byte {
		if !has(u) {
			return append(dst, "[]"...)
		}
		return append(dst, json...)
	}
}

func objectIf(has func(u *person) bool, json string) emitter {
	return func(dst []byte, u *person) []byte {
		if !has(u) {
			return appendNull(dst)
		}
		return append(dst, json...)
	}
}

func emitIdentities(dst []byte, u *person) []byte {
	dst = append(dst, `[{"signInType":"userPrincipalName","issuer":"`...)
	dst = append(dst, u.domain...)
	dst = append(dst, `","issuerAssignedId":"`...)
	return append(u.appendUPN(dst), `"}]`...)
}

func emitExtensionAttributes(dst []byte, u *person) []byte {
	dst = append(dst, `{"extensionAttribute1":`...)
	if u.pick(45, 3) == 0 {
		dst = append(dst, `"Badge `...)
		dst = appendUint(dst, u.index)
		dst = append(dst, '"')
	} else {
		dst = appendNull(dst)
	}
	for n := uint64(2); n <= 15; n++ {
		dst = append(dst, `,"extensionAttribute`...)
		dst = appendUint(dst, n)
		dst = append(dst, `":null`...)
	}
	return append(dst, '}')
}

// emitSignInActivity shows each form that Graph's documentation knows: nothing
// for those who never signed in, real moments, and the year 1.
func emitSignInActivity(dst []byte, u *person) []byte {
	if !u.signedIn() {
		return appendNull(dst)
	}
	request := func(n uint64) { dst = appendGUID(dst, guidFrom(u.seed, u.index*4+n)) }
	last := u.created() + 86400
	dst = append(dst, `{"lastSignInDateTime":"`...)
	dst = appendDate(dst, last)
	dst = append(dst, `","lastSignInRequestId":"`...)
	request(1)
	dst = append(dst, `","lastNonInteractiveSignInDateTime":"`...)
	if u.pick(47, 4) == 0 {
		dst = append(dst, `0001-01-01T00:00:00Z","lastNonInteractiveSignInRequestId":"`...)
	} else {
		dst = append(appendDate(dst, last+600), `","lastNonInteractiveSignInRequestId":"`...)
		request(2)
	}
	dst = append(dst, `","lastSuccessfulSignInDateTime":"`...)
	dst = appendDate(dst, last)
	dst = append(dst, `","lastSuccessfulSignInRequestId":"`...)
	request(3)
	return append(dst, `"}`...)
}
