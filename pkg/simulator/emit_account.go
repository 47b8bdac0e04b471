package simulator

import (
	"encoding/base64"
	"encoding/binary"
)

// appendBase64 writes 16 bytes as base64, as an immutable id is written.
func appendBase64(dst []byte, a, b uint64) []byte {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], a)
	binary.BigEndian.PutUint64(raw[8:], b)
	return base64.StdEncoding.AppendEncode(dst, raw[:])
}

// accountEmitter writes the state of the account.
func accountEmitter(name string) emitter {
	minor := func(u *person) bool { return u.pick(23, 200) == 0 }
	switch name {
	case "ageGroup":
		return stringIf(minor, func(dst []byte, _ *person) []byte { return append(dst, "Minor"...) })
	case "consentProvidedForMinor":
		return stringIf(minor, func(dst []byte, _ *person) []byte { return append(dst, "Granted"...) })
	case "legalAgeGroupClassification":
		return stringIf(minor, func(dst []byte, _ *person) []byte { return append(dst, "MinorWithParentalConsent"...) })
	case "creationType":
		return stringIf(func(u *person) bool { return u.guest }, func(dst []byte, _ *person) []byte { return append(dst, "Invitation"...) })
	case "externalUserState":
		return stringIf(func(u *person) bool { return u.guest }, func(dst []byte, u *person) []byte {
			if u.pick(27, 5) == 0 {
				return append(dst, "PendingAcceptance"...)
			}
			return append(dst, "Accepted"...)
		})
	case "externalUserStateChangeDateTime":
		return dateIf(func(u *person) bool { return u.guest }, func(u *person) int64 { return u.created() + 3600 })
	case "deviceEnrollmentLimit":
		return literal("5")
	case "identityParentId":
		return literal("null")
	case "isManagementRestricted", "isResourceAccount":
		return func(dst []byte, u *person) []byte {
			if u.pick(31, 500) == 0 {
				return append(dst, "true"...)
			}
			return appendNull(dst)
		}
	case "lastPasswordChangeDateTime", "signInSessionsValidFromDateTime":
		return dateIf(always, func(u *person) int64 { return u.created() + signed(u.pick(15, 86400)) })
	case "passwordPolicies":
		return stringIf(func(u *person) bool { return u.pick(35, 10) == 0 }, func(dst []byte, _ *person) []byte {
			return append(dst, "DisablePasswordExpiration"...)
		})
	case "preferredDataLocation":
		return stringIf(func(u *person) bool { return u.pick(37, 20) == 0 }, func(dst []byte, _ *person) []byte { return append(dst, "EUR"...) })
	case "securityIdentifier":
		return text(func(dst []byte, u *person) []byte {
			dst = append(dst, "S-1-12-1-"...)
			dst = append(appendUint(dst, u.bits>>32), '-')
			dst = append(appendUint(dst, u.bits&0xffffffff), '-')
			dst = append(appendUint(dst, u.more>>32), '-')
			return appendUint(dst, u.more&0xffffffff)
		})
	case "showInAddressList":
		return literal("null")
	default:
		return nil
	}
}

// profileEmitter writes what Graph keeps outside the directory and returns for
// a single user only.
func profileEmitter(name string) emitter {
	switch name {
	case "aboutMe":
		return literal(`"Likes lists that are complete."`)
	case "birthday":
		return dateIf(always, func(u *person) int64 { return signed(u.bits>>20%1_000_000_000) / 86400 * 86400 })
	case "hireDate":
		return literal(`"0001-01-01T00:00:00Z"`)
	case "interests":
		return literal(`["Chess","Gärten"]`)
	case "mySite":
		return text(func(dst []byte, u *person) []byte {
			return append(u.appendLocal(append(dst, "https://contoso-my.sharepoint.example/personal/"...)), '/')
		})
	case "pastProjects":
		return literal(`[]`)
	case "preferredName":
		return stringIf(always, func(dst []byte, u *person) []byte { return append(dst, u.pair.given.native...) })
	case "responsibilities":
		return literal(`["Everything else"]`)
	case "schools":
		return literal(`[]`)
	case "skills":
		return literal(`["Go","SQL"]`)
	default:
		return nil
	}
}
