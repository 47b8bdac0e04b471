package page

import (
	"cmp"
	"net/http"
	"strconv"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/legible"
)

// problem is a failure as it is shown.
type problem struct {
	Status int
	// Name is the public name, such as Graph.Throttled; Code is the envelope's, which may
	// be Graph's own.
	Name, Code, Message       string
	RequestID, GraphRequestID string
	// RetryAfter is in how many seconds another try is worth while, 0 where unknown.
	RetryAfter int
	// Instead is something else to try, InsteadLink where it is.
	Instead, InsteadLink string
	// Form is what was asked, to be corrected; nil where that is of no use.
	Form *peopleView
}

// failureView is the page of a failure.
type failureView struct {
	problem
	Prefix string
	Title  string
	Next   string // what to do
	Again  string // the address to try again
}

func unreadable() *problem {
	return &problem{Status: http.StatusInternalServerError, Name: failure.Internal, Message: "the read API has answered what this page cannot read"}
}

// fail shows a failure.
func (p *Page) fail(w http.ResponseWriter, r *http.Request, failed *problem) {
	v := failureView{problem: *failed, Prefix: prefix(r)}
	v.Title, v.Next = advice(failed)
	v.Name, v.Code, v.Message = legible.Text(failed.Name), legible.Text(failed.Code), legible.Text(failed.Message)
	v.RequestID = legible.Text(cmp.Or(failed.RequestID, w.Header().Get(header.RequestID)))
	v.GraphRequestID = legible.Text(failed.GraphRequestID)
	if v.Code == v.Name {
		v.Code = ""
	}
	if failed.Status >= http.StatusInternalServerError || failed.Status == http.StatusTooManyRequests {
		v.Again = link(v.Prefix, r.URL.EscapedPath(), parseQuery(r.URL))
	}
	h := w.Header()
	for _, name := range []string{"Content-Length", "Content-Disposition", "Content-Encoding", header.TotalCount, header.Verified} {
		h.Del(name)
	}
	if failed.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(failed.RetryAfter))
	}
	if failed.Name != "" {
		h.Set(header.Error, failed.Name)
	}
	p.show(w, r, failed.Status, "failure", v.Title, v)
}

// advice is what happened in a few words, and what to do about it besides what the message
// says.
func advice(failed *problem) (title, next string) {
	switch failed.Name {
	case "Graph.Throttled":
		if failed.RetryAfter > 0 {
			return "Graph asks for patience", "Microsoft Graph limits how much is read at a time. Try again in " + seconds(failed.RetryAfter) + "."
		}
		return "Graph asks for patience", "Microsoft Graph limits how much is read at a time. Try again in some minutes."
	case "Request.Throttled":
		return "Too many requests at once", "Try again in " + seconds(max(failed.RetryAfter, 1)) + "."
	case "Graph.Unavailable":
		return "Graph does not answer", "Try again. If it lasts, look at the service health of Microsoft 365, and check the network."
	case "Graph.AccessDenied":
		return "Graph refuses access", "The application lacks a permission or its admin consent. rollcall doctor says which."
	case "Credentials.Rejected", "Credentials.Missing":
		return "The credential does not work", "rollcall doctor says what is wrong with it."
	case "Snapshot.Incomplete":
		return "The list could not be proven complete", "Nothing was sent, since people may be missing. Try again; if it lasts, the reasons are in the log."
	case "Graph.BadRequest":
		return "Graph does not take this question", "Graph has no such search, filter or order. Change it, or go back to all people."
	case "Graph.NotFound":
		return "There is nobody here", "The person may have left, or may be outside of what is served."
	case "Request.Invalid":
		switch failed.Status {
		case http.StatusNotFound:
			return "There is nothing here", ""
		case http.StatusForbidden:
			return "This link came from another site", "Pages of other sites may not ask for people. Open the page from here instead."
		case http.StatusMisdirectedRequest:
			return "Not under this name", "Use the address that rollcall serve printed."
		}
		return "This question cannot be answered", "Only the columns that are served can be read, searched and sorted by."
	case "Request.Unauthorized":
		return "Sign in first", "As the password, give the token of --token-file; the user name does not matter."
	case "Response.TooLarge":
		return "Too large to be sent at once", ""
	}
	return "Something went wrong", "The log has more about it, by the request id."
}

func seconds(n int) string {
	switch {
	case n == 1:
		return "one second"
	case n < 120:
		return strconv.Itoa(n) + " seconds"
	}
	return strconv.Itoa((n+59)/60) + " minutes"
}
