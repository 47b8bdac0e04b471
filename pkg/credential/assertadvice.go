package credential

import (
	"cmp"
	"sync/atomic"
	"time"
)

// certified is the login host as it verifies assertions that an app signs.
type certified struct{ *loginHost }

// explain makes the Error of an attempt that got no token.
func (l *certified) explain(x *exchange, id Identity) *Error {
	e := l.loginHost.explain(x, id)
	switch e.Code {
	case wrongAssertion, invalidSignature:
		e.Problem = "the certificate " + id.Thumbprint() + " is not registered on the app, or not any more"
		e.Advice = "upload it under Certificates & secrets, or with `az ad app credential reset --append --id " + showGUID(id.ClientID) + " --cert @certificate.pem`; it takes a minute or two to work"
	case outOfTime:
		e.Problem, e.Advice = outdated(x)
	}
	return e
}

// federated is the login host as it verifies tokens of other issuers.
type federated struct {
	*loginHost
	presented *atomic.Pointer[Presented] // what the last token says
}

// explain makes the Error of an attempt that got no token. A new federated credential is
// not known everywhere for some minutes, so that the same request may succeed the next time
// ("Important considerations and restrictions for federated identity credentials").
func (l *federated) explain(x *exchange, id Identity) *Error {
	e := l.loginHost.explain(x, id)
	says := Presented{}
	if last := l.presented.Load(); last != nil {
		says = *last
	}
	shown := "issuer " + cmp.Or(says.Issuer, "(none)") + ", subject " + cmp.Or(says.Subject, "(none)") + ", audience " + cmp.Or(says.Audience, "(none)")
	const patience = "; a new one takes minutes to work everywhere"
	switch {
	case isMismatch(e.Code):
		e.retryable = true
		e.Problem = mismatch(e.Code) + "; presented are " + shown
		e.Advice = "give the app a federated credential with exactly these three, case included" + patience
	case e.Code == wrongAlgorithm:
		e.Problem = "Entra ID takes tokens of other issuers that are signed by RS256 only, and this one is by " + cmp.Or(says.algorithm, "another algorithm")
		e.Advice = "have the issuer sign by RS256"
	case e.Code == issuerUnreachable:
		e.Problem = "Entra ID cannot read the documents of the issuer " + cmp.Or(says.Issuer, "(none)")
		e.Advice = "see that the issuer's /.well-known/openid-configuration can be read on the internet"
	case e.Code == outOfTime:
		e.Problem, e.Advice = outdated(x)
	}
	return e
}

// mismatch says what no federated credential of the app matches.
func mismatch(code int) string {
	switch code {
	case 700211:
		return "no federated credential of the app has the issuer of the token"
	case 700212:
		return "no federated credential of the app has the audience of the token"
	case 700213, 7002137, 7002138:
		return "no federated credential of the app has the subject of the token"
	}
	return "no federated credential of the app matches the token"
}

// outdated explains an assertion that the login host finds too old or too young.
func outdated(x *exchange) (problem, advice string) {
	problem, advice = "Entra ID finds the client assertion outside of its time", "correct the clock of this machine, and see that nothing delays requests"
	switch ahead := x.ahead.Round(time.Second); {
	case ahead > time.Minute:
		problem += ": the clock of this machine is " + ahead.String() + " ahead"
	case ahead < -time.Minute:
		problem += ": the clock of this machine is " + (-ahead).String() + " behind"
	}
	return problem, advice
}
