package graph

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
)

// SubscriptionError is a refusal to make, list or change a subscription, with what to do
// about it.
type SubscriptionError struct {
	// Refusal is why, as far as Graph's answer tells.
	Refusal SubscriptionRefusal
	// Address is where notifications were to be sent, by [PublicAddress]; "" where none was
	// named.
	Address string
	// Err is Graph's answer.
	Err *Error
}

// SubscriptionRefusal is why a subscription was refused.
type SubscriptionRefusal int

// The reasons. Graph has no code of its own for each of them, so a text may name two.
const (
	// NotValidated: the address did not answer as Graph asks for.
	NotValidated SubscriptionRefusal = iota + 1
	// NotPermitted: the app lacks the permission.
	NotPermitted
	// OverQuota: there are as many subscriptions as there may be.
	OverQuota
	// NotOffered: the tenant has no subscriptions to users.
	NotOffered
)

// Error says what happened and what to do.
func (e *SubscriptionError) Error() string {
	return e.Err.summary() + "; " + e.advice()
}

func (e *SubscriptionError) advice() string {
	permission := cmp.Or(e.Err.grant, "grant the application permission User.Read.All with admin consent")
	switch e.Refusal {
	case NotValidated:
		return "Graph has to reach " + e.Address + " from the internet, by https with a public certificate, and to get its validationToken back as text/plain within 10 s, twice: " +
			"deploy the webhook before anything subscribes, and correct ROLLCALL_NOTIFICATION_URL if that is not its address"
	case NotPermitted:
		return permission
	case OverQuota:
		return "a quota is used up (100 subscriptions for an app in a tenant, 1,000 for a tenant, 50,000 for an app): see those of this app with `rollcall subscription list`, " +
			"and end what is no longer needed with `rollcall subscription delete ID`; if there are few, " + permission
	}
	return "tenants of Azure AD B2C and External ID have no change notifications: remove ROLLCALL_NOTIFICATION_URL there, and let a schedule do"
}

// Unwrap returns Graph's answer.
func (e *SubscriptionError) Unwrap() error { return e.Err }

// Name returns the public name of the answer: Graph.BadRequest or Graph.AccessDenied.
func (e *SubscriptionError) Name() string { return e.Err.Name() }

// unsure reports whether the request may have been carried out all the same: there is no
// answer, or one of a server that does not know. What is throttled or refused was not.
func (e *Error) unsure() bool {
	return e.retryable() && e.Status != http.StatusTooManyRequests
}

// refusedSubscription makes a [SubscriptionError] of a refusal to list subscriptions or, if
// there is an address, to make one.
func refusedSubscription(err error, address string) error {
	var answer *Error
	if !errors.As(err, &answer) || answer.Code == "" || answer.Continuation {
		return err
	}
	e := &SubscriptionError{Err: answer}
	if address != "" {
		e.Address = PublicAddress(address)
	}
	switch {
	case answer.Status == http.StatusForbidden && (address == "" || answer.Code == "Authorization_RequestDenied"):
		e.Refusal = NotPermitted
	case answer.Status == http.StatusForbidden:
		e.Refusal = OverQuota
	case answer.Status == http.StatusBadRequest && address != "" && (answer.Code == "ValidationError" || answer.Code == "InvalidRequest"):
		e.Refusal = NotValidated
	case answer.Status == http.StatusBadRequest:
		e.Refusal = NotOffered
	default:
		return err
	}
	return e
}

// PublicAddress is an address as errors, logs and tables may show it: without its query,
// which may be a key, and without what is not of a URL.
func PublicAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return "(not a URL)"
	}
	shown := (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
	if u.RawQuery != "" {
		shown += "?..."
	}
	return shown
}
