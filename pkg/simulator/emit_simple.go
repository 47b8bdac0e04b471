package simulator

func always(*person) bool { return true }

// identityEmitter writes who a user is.
func identityEmitter(name string) emitter {
	switch name {
	case "id":
		return text(func(dst []byte, u *person) []byte { return appendGUID(dst, userID(u.seed, u.index)) })
	case "userPrincipalName":
		return text(func(dst []byte, u *person) []byte { return u.appendUPN(dst) })
	case "displayName":
		return text(func(dst []byte, u *person) []byte { return u.appendDisplayName(dst) })
	case "givenName":
		return text(func(dst []byte, u *person) []byte { return append(dst, u.pair.given.native...) })
	case "surname":
		return text(func(dst []byte, u *person) []byte { return append(dst, u.pair.surname.native...) })
	case "mail":
		return stringIf((*person).hasMail, func(dst []byte, u *person) []byte { return u.appendMail(dst) })
	case "mailNickname":
		return text(func(dst []byte, u *person) []byte { return u.appendLocal(dst) })
	case "accountEnabled":
		return func(dst []byte, u *person) []byte { return appendBool(dst, u.enabled()) }
	case "userType":
		return func(dst []byte, u *person) []byte {
			switch {
			case u.guest:
				return append(dst, `"Guest"`...)
			case u.index > 0 && u.pick(33, 1000) == 0: // very old accounts have none
				return appendNull(dst)
			default:
				return append(dst, `"Member"`...)
			}
		}
	case "createdDateTime":
		return dateIf((*person).hasCreated, (*person).created)
	default:
		return nil
	}
}

// workEmitter writes what a user does in the company.
func workEmitter(name string) emitter {
	switch name {
	case "jobTitle":
		return stringIf((*person).hasDepartment, func(dst []byte, u *person) []byte {
			return append(dst, u.department().titles[u.pick(17, 4)]...)
		})
	case "department":
		return stringIf((*person).hasDepartment, func(dst []byte, u *person) []byte { return append(dst, u.department().name...) })
	case "companyName":
		return stringIf(always, func(dst []byte, u *person) []byte {
			if u.guest {
				return append(dst, u.guestDomain()[:len(u.guestDomain())-len(".example")]...)
			}
			return append(dst, u.firms[u.pick(9, 4)]...)
		})
	case "employeeId":
		return stringIf((*person).hasEmployeeID, func(dst []byte, u *person) []byte {
			// Leading zeros are meant: a reader that takes this for a number loses them.
			for limit := uint64(10_000_000); limit > u.index+1; limit /= 10 {
				dst = append(dst, '0')
			}
			return appendUint(dst, u.index+1)
		})
	case "employeeType":
		return stringIf(func(u *person) bool { return !u.guest }, func(dst []byte, u *person) []byte {
			if u.pick(25, 10) == 0 {
				return append(dst, "Contractor"...)
			}
			return append(dst, "Employee"...)
		})
	case "employeeHireDate":
		return dateIf((*person).hired, func(u *person) int64 { return u.created() / 86400 * 86400 })
	case "employeeLeaveDateTime":
		return dateIf(func(u *person) bool { return u.hired() && u.pick(29, 50) == 0 }, func(u *person) int64 {
			return u.created()/86400*86400 + 400*86400
		})
	default:
		return nil
	}
}

// contactEmitter writes where a user is and how to reach them.
func contactEmitter(name string) emitter {
	place := func(part func(o *office) string) emitter {
		return func(dst []byte, u *person) []byte {
			s := part(u.office())
			if s == "" || u.guest {
				return appendNull(dst)
			}
			return appendString(dst, s)
		}
	}
	phone := func(dst []byte, u *person) []byte {
		return appendUint(append(dst, u.office().phone...), 1000+u.pick(7, 9000))
	}
	switch name {
	case "officeLocation":
		return place(func(o *office) string { return o.name })
	case "streetAddress":
		return place(func(o *office) string { return o.street })
	case "postalCode":
		return place(func(o *office) string { return o.postalCode })
	case "city":
		return place(func(o *office) string { return o.city })
	case "state":
		return place(func(o *office) string { return o.state })
	case "country":
		return place(func(o *office) string { return o.country })
	case "usageLocation":
		return place(func(o *office) string { return o.code })
	case "mobilePhone":
		return stringIf((*person).hasMobile, phone)
	case "faxNumber":
		return stringIf(func(u *person) bool { return u.pick(19, 50) == 0 }, phone)
	case "businessPhones":
		return listIf(func(u *person) bool { return !u.guest && !u.hasMobile() }, phone)
	case "preferredLanguage":
		return stringIf(func(u *person) bool { return !u.guest && u.pick(3, 4) != 0 }, func(dst []byte, u *person) []byte {
			return append(dst, u.pair.culture.language...)
		})
	case "imAddresses":
		return listIf((*person).licensed, func(dst []byte, u *person) []byte { return u.appendMail(dst) })
	case "otherMails":
		return listIf(func(u *person) bool { return u.guest }, func(dst []byte, u *person) []byte { return u.appendMail(dst) })
	case "proxyAddresses":
		return listIf((*person).hasMail, func(dst []byte, u *person) []byte { return u.appendMail(append(dst, "SMTP:"...)) })
	default:
		return nil
	}
}

// syncEmitter writes what comes from an on-premises directory.
func syncEmitter(name string) emitter {
	synced := (*person).synced
	switch name {
	case "onPremisesSyncEnabled":
		return func(dst []byte, u *person) []byte {
			if u.synced() {
				return append(dst, "true"...)
			}
			return appendNull(dst) // never synchronised: null, not false
		}
	case "onPremisesDistinguishedName":
		return func(dst []byte, u *person) []byte {
			if !u.synced() {
				return appendNull(dst)
			}
			dst = append(dst, `"CN=`...)
			dst = append(dst, u.pair.given.native...)
			dst = append(dst, ` `...)
			dst = append(dst, u.pair.surname.native...)
			return append(dst, `\\, Staff,OU=People,DC=corp,DC=contoso,DC=example"`...)
		}
	case "onPremisesDomainName":
		return stringIf(synced, func(dst []byte, _ *person) []byte { return append(dst, "corp.contoso.example"...) })
	case "onPremisesImmutableId":
		return stringIf(synced, func(dst []byte, u *person) []byte { return appendBase64(dst, u.bits, u.more) })
	case "onPremisesLastSyncDateTime":
		return dateIf(synced, func(u *person) int64 { return 1717200000 + signed(u.pick(11, 1800)) })
	case "onPremisesSamAccountName":
		return stringIf(synced, func(dst []byte, u *person) []byte { return appendUint(append(dst, 'u'), 100000+u.index) })
	case "onPremisesSecurityIdentifier":
		return stringIf(synced, func(dst []byte, u *person) []byte {
			return appendUint(append(dst, "S-1-5-21-1004336348-1177238915-682003330-"...), 1000+u.index)
		})
	case "onPremisesUserPrincipalName":
		return stringIf(synced, func(dst []byte, u *person) []byte {
			return append(u.appendLocal(dst), "@corp.contoso.example"...)
		})
	default:
		return nil
	}
}
