package simulator

import (
	"errors"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// exchange is one request and its answer.
type exchange struct {
	tenant    *Tenant
	w         http.ResponseWriter
	r         *http.Request
	entry     *Request
	requestID string
	token     accessToken
	faults    faultSet
	rate      int // bytes a second of the body; 0 is unlimited
	units     int // resource units charged
	used      float64
	headed    bool
}

// sleep waits, or returns false when the client has gone.
func (x *exchange) sleep(d time.Duration) bool {
	if d <= 0 {
		return x.r.Context().Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-x.r.Context().Done():
		return false
	}
}

// stall waits until the client gives up.
func (x *exchange) stall() { <-x.r.Context().Done() }

func (x *exchange) clientRequestID() string {
	if id := x.r.Header.Get("Client-Request-Id"); id != "" {
		return id
	}
	return x.requestID
}

// head sends the status and headers.
func (x *exchange) head(status int, contentType string) {
	h := x.w.Header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	x.headed = true
	x.tenant.journal.note(x.entry, func(e *Request) {
		e.Status, e.FirstByte, e.LastByte = status, time.Now(), time.Now()
	})
	x.w.WriteHeader(status)
}

// graphHeaders sets what every Graph answer carries.
func (x *exchange) graphHeaders() {
	h := x.w.Header()
	h.Set("request-id", x.requestID)
	h.Set("client-request-id", x.clientRequestID())
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"North Europe","Slice":"E","Ring":"4","ScaleUnit":"000","RoleInstance":"DU2PEPF00000001"}}`)
	h.Set("Strict-Transport-Security", "max-age=31536000")
	h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if x.units > 0 {
		h.Set("x-ms-resource-unit", strconv.Itoa(x.units))
	}
	if x.used > 0.8 {
		h.Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(x.used, 'f', 2, 64))
	}
}

const jsonContentType = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

// json heads a successful Graph answer.
func (x *exchange) json() {
	x.graphHeaders()
	x.w.Header().Set("Cache-Control", "no-cache")
	x.w.Header().Set("OData-Version", "4.0")
	x.head(http.StatusOK, jsonContentType)
}

// fail answers with Graph's error envelope.
func (x *exchange) fail(e *graphError) {
	x.graphHeaders()
	for name, values := range e.header {
		for _, v := range values {
			x.w.Header().Add(name, v)
		}
	}
	x.w.Header().Set("Cache-Control", "no-cache")
	x.head(e.status, "application/json")
	x.write(e.envelope(x.requestID, x.clientRequestID(), time.Now()))
}

// write sends a part of the body at once, at the line's speed. It is false when
// the client has gone.
func (x *exchange) write(b []byte) bool {
	for len(b) > 0 {
		part := b
		if x.rate > 0 {
			part = b[:min(len(b), max(1, x.rate/20))]
			if !x.sleep(time.Duration(float64(len(part)) / float64(x.rate) * float64(time.Second))) {
				return false
			}
		}
		n, err := x.w.Write(part)
		x.tenant.journal.note(x.entry, func(e *Request) {
			e.Bytes += int64(n)
			e.LastByte = time.Now()
		})
		if err != nil {
			return false
		}
		b = b[n:]
	}
	return http.NewResponseController(x.w).Flush() == nil
}

// breaker is a response writer that can break its connection, as the in-memory
// transport's can.
type breaker interface{ breakConnection(err error) }

// reset breaks the connection so that the client reads the error. A real
// connection cannot say which; there the client sees a reset or an early end.
func (x *exchange) reset(err error) {
	if b, ok := x.w.(breaker); ok {
		b.breakConnection(err)
		return
	}
	control := http.NewResponseController(x.w)
	conn, _, hijackErr := control.Hijack()
	if hijackErr == nil {
		if errors.Is(err, syscall.ECONNRESET) {
			lingerless(conn)
		}
		_ = conn.Close()
		return
	}
	// HTTP/2 has no connection to give away; a deadline in the past makes the
	// server reset the stream.
	_ = control.SetWriteDeadline(time.Unix(1, 0))
	_, _ = x.w.Write([]byte{' '})
	_ = control.Flush()
}
