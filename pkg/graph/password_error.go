package graph

import (
	"errors"
	"net/http"
)

// PasswordError is a refusal to list, add or remove client secrets, with what to do about it.
type PasswordError struct {
	// Refusal is why, as far as Graph's answer tells.
	Refusal PasswordRefusal
	// Err is Graph's answer.
	Err *Error
}

// PasswordRefusal is why a request about client secrets was refused.
type PasswordRefusal int

// The reasons.
const (
	// NotOwner: the app that asks lacks the permission, or does not own the registration.
	NotOwner PasswordRefusal = iota + 1
	// NoRegistration: the tenant has no such registration.
	NoRegistration
	// SecretsForbidden: a policy of the tenant allows no client secrets.
	SecretsForbidden
	// LifetimeTooLong: a policy of the tenant allows shorter ones only.
	LifetimeTooLong
	// TooManySecrets: the registration has as many as it may have.
	TooManySecrets
	// RegistrationFull: the registration holds as much as it can hold.
	RegistrationFull
)

// Error says what happened and what to do.
func (e *PasswordError) Error() string { return e.Err.summary() + "; " + e.advice() }

func (e *PasswordError) advice() string {
	switch e.Refusal {
	case NotOwner:
		return "grant the app that rotates the application permission Application.ReadWrite.OwnedBy with admin consent, and make its service principal an owner of the app " +
			"whose secret it is (az ad app owner add); a new owner can take a minute to count"
	case NoRegistration:
		return "the ClientID in the secret is that of no registration in the tenant of the app that rotates: compare the two"
	case SecretsForbidden:
		return "a policy of the tenant (app management policy) allows this app no client secrets: let an administrator exempt it, or sign in by a certificate or a federated credential, which nobody has to rotate"
	case LifetimeTooLong:
		return "a policy of the tenant (app management policy) allows client secrets a shorter life: write a smaller ROLLCALL_SECRET_LIFETIME, and rotate twice within it"
	case TooManySecrets:
		return "the registration may have no more client secrets, and rotation needs room for three: remove those that nobody uses; " +
			"one that is open to personal Microsoft accounts has two at most, so set its signInAudience to AzureADMyOrg"
	}
	return "the registration is full: remove client secrets, certificates and redirect addresses that nobody uses"
}

// Unwrap returns Graph's answer.
func (e *PasswordError) Unwrap() error { return e.Err }

// Name returns the public name of the answer: Graph.AccessDenied, Graph.NotFound or
// Graph.BadRequest.
func (e *PasswordError) Name() string {
	if e.Refusal == RegistrationFull {
		return "Graph.BadRequest" // Graph says 403
	}
	return e.Err.Name()
}

// refusedPassword makes a [PasswordError] of a refusal whose reason is known.
func refusedPassword(err error) error {
	var answer *Error
	if !errors.As(err, &answer) || answer.Code == "" {
		return err
	}
	e := &PasswordError{Err: answer}
	switch {
	case answer.Code == "CredentialTypeNotAllowedAsPerAppPolicy":
		e.Refusal = SecretsForbidden
	case answer.Code == "CredentialInvalidLifetimeAsPerAppPolicy":
		e.Refusal = LifetimeTooLong
	case answer.Code == "TooManyAppPasswords":
		e.Refusal = TooManySecrets
	case answer.Code == "Directory_ResourceSizeExceeded":
		e.Refusal = RegistrationFull
	case answer.Status == http.StatusForbidden:
		e.Refusal = NotOwner
	case answer.Status == http.StatusNotFound:
		e.Refusal = NoRegistration
	default:
		return err
	}
	return e
}
