package main

import (
	"archive/zip"
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// serving runs `rollcall serve` until the test ends and returns its address.
func serving(t *testing.T, args ...string) (base string) {
	t.Helper()
	return running(t, `Serving (https?://[^/]+)/users`, append([]string{"serve", "--demo", "--addr", "127.0.0.1:0"}, args...)...)
}

// running runs a command until the test ends, and returns what the pattern's parentheses
// match in the line on stderr that says that it is ready.
func running(t *testing.T, pattern string, args ...string) (matched string) {
	t.Helper()
	reader, writer := io.Pipe()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan int, 1)
	go func() {
		p := &program{stdout: io.Discard, stderr: writer}
		ended <- p.run(ctx, args)
		_ = writer.Close()
	}()
	t.Cleanup(func() {
		cancel()
		if status := <-ended; status != complete {
			t.Errorf("%s ended with status %d", args[0], status)
		}
	})
	scanner := bufio.NewScanner(reader)
	ready := regexp.MustCompile(pattern)
	var lines []string
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
		if found := ready.FindStringSubmatch(scanner.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, reader) }()
			return found[1]
		}
	}
	t.Fatalf("%s printed %q", args[0], lines)
	return ""
}

// ask makes a request; headers come in pairs, Host among them.
func ask(t *testing.T, client *http.Client, url string, headers ...string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestServeSpeaksGraphsDialectAndItsLinksLeadBackToIt(t *testing.T) {
	base := serving(t, "--demo-users", "250")
	users, next := 0, base+"/v1.0/users?$top=100&$select=displayName"
	for next != "" {
		status, body := ask(t, http.DefaultClient, next)
		var page struct {
			Next  string           `json:"@odata.nextLink"`
			Value []map[string]any `json:"value"`
		}
		if err := json.Unmarshal([]byte(body), &page); status != http.StatusOK || err != nil {
			t.Fatalf("%d %v %s", status, err, body)
		}
		if page.Next != "" && !strings.HasPrefix(page.Next, base+"/v1.0/users?") {
			t.Fatalf("the link leads to %s", page.Next)
		}
		users, next = users+len(page.Value), page.Next
	}
	if users != 250 {
		t.Errorf("%d users, want 250", users)
	}
	if status, body := ask(t, http.DefaultClient, base+"/users?$format=ndjson"); status != http.StatusOK || !strings.HasSuffix(body, "{\"@rollcall.complete\":true,\"@rollcall.verified\":true,\"@odata.count\":250}\n") {
		t.Errorf("%d, ends in %q", status, body[max(0, len(body)-80):])
	}
	if status, body := ask(t, http.DefaultClient, base+"/users/$count"); status != http.StatusOK || body != "250" {
		t.Errorf("%d %q", status, body)
	}
}

func TestServeRefusesAForeignHost(t *testing.T) {
	base := serving(t, "--demo-users", "5")
	for host, want := range map[string]int{
		"localhost": 200, "LOCALHOST:8080": 200, "127.0.0.1": 200, "[::1]:8080": 200, "127.9.9.9": 200,
		"evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "10.0.0.1": 421, "0.0.0.0": 421,
		"localhost.": 421, "localhost:": 421, "localhost:0": 421, "localhost:8o80": 421, "127.1": 421, "2130706433": 421, "[127.0.0.1]": 421,
		"xn--localhot-e1b": 421, "user@localhost": 421,
	} {
		if status, body := ask(t, http.DefaultClient, base+"/users", "Host", host); status != want {
			t.Errorf("Host %s: %d %s", host, status, body)
		}
	}
}

func TestNoFoldingOfUnicodeMakesAHostThisMachine(t *testing.T) {
	for _, host := range []string{"localho\u017ft", "LOCALHO\u017fT:8080", "\u2113ocalhost", "localhost\u00ad", "[::1%lo]:80", "[::1", "::1", ""} {
		if isLoopbackHost(host) {
			t.Errorf("%+q is taken for this machine", host)
		}
	}
}

func TestServeDropsHeadersThatOnlyATriggerMaySet(t *testing.T) {
	base := serving(t, "--demo-users", "150")
	_, body := ask(t, http.DefaultClient, base+"/users?$top=10", "X-Forwarded-Prefix", "/evil", "X-Forwarded-Proto", "https", "X-Forwarded-User", "somebody")
	if !strings.Contains(body, `"@odata.nextLink":"`+base+`/v1.0/users?`) {
		t.Errorf("%.400s", body)
	}
}

func TestServeOffLoopbackRequiresATokenAndTLS(t *testing.T) {
	dir := t.TempDir()
	good, short := filepath.Join(dir, "token"), filepath.Join(dir, "short")
	write(t, good, "0123456789abcdefghijklmnop\n")
	write(t, short, "secret\n")
	for _, args := range [][]string{
		{"--addr", "0.0.0.0:0"},
		{"--addr", ":0"},
		{"--addr", "0.0.0.0:0", "--token-file", good},
		{"--addr", "0.0.0.0:0", "--tls-cert", "cert.pem", "--tls-key", "key.pem"},
		{"--addr", "127.0.0.1:0", "--tls-cert", "cert.pem"},
		{"--addr", "127.0.0.1:0", "--token-file", short},
		{"--addr", "127.0.0.1:0", "--token-file", filepath.Join(dir, "absent")},
		{"--addr", "8080"},
	} {
		status, stderr := drive(t, io.Discard, nil, append([]string{"serve", "--demo"}, args...)...)
		if status != wrongUsage || !strings.Contains(stderr, "--") {
			t.Errorf("%v: status %d, %q", args, status, stderr)
		}
	}
}

func TestServeWithATokenRequiresIt(t *testing.T) {
	dir := t.TempDir()
	token, cert, key := filepath.Join(dir, "token"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, token, "0123456789abcdefghijklmnop\n")
	pool := selfSigned(t, cert, key)
	base := serving(t, "--demo-users", "5", "--token-file", token, "--tls-cert", cert, "--tls-key", key)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
	defer client.CloseIdleConnections()
	for header, want := range map[string]int{
		"Bearer 0123456789abcdefghijklmnop": 200, "bearer 0123456789abcdefghijklmnop": 200,
		"": 401, "Bearer": 401, "Bearer 0123456789abcdefghijklmno": 401, "Basic 0123456789abcdefghijklmnop": 401, "0123456789abcdefghijklmnop": 401,
	} {
		if status, body := ask(t, client, base+"/users", "Authorization", header); status != want {
			t.Errorf("%q: %d %s", header, status, body)
		}
	}
}

func TestABodyThatNeverComesDoesNotBlockTheConnection(t *testing.T) {
	base := serving(t, "--demo-users", "5")
	for request, want := range map[string]string{
		"GET /users": "400 Bad Request", "POST /users": "405 Method Not Allowed", "POST /v1.0/$batch": "501 Not Implemented", "PUT /groups": "404 Not Found",
	} {
		answer := unfinished(t, base, request)
		if !strings.Contains(answer, want) || !strings.Contains(answer, "Request-Id: ") || !strings.Contains(answer, "Connection: close") {
			t.Errorf("%s: %q", request, answer)
		}
	}
}

// unfinished sends the head of a request and never its body.
func unfinished(t *testing.T, base, request string) string {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, request+" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// Keeps the test from hanging: the server gives up after a second.
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v: %q", err, answer)
	}
	return string(answer)
}

func TestServesRefusalsHaveTheIDsOfTheRequest(t *testing.T) {
	base := serving(t, "--demo-users", "5")
	for _, headers := range [][]string{{"Host", "evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		if _, body := ask(t, http.DefaultClient, base+"/users", append(headers, "client-request-id", "mine")...); !strings.Contains(body, `"request-id":"`) || !strings.Contains(body, `"client-request-id":"mine"`) {
			t.Errorf("%v: %s", headers, body)
		}
	}
}

func TestServeRefusesPagesOfOtherSites(t *testing.T) {
	base := serving(t, "--demo-users", "5")
	for site, want := range map[string]int{"": 200, "none": 200, "same-origin": 200, "same-site": 403, "cross-site": 403} {
		if status, body := ask(t, http.DefaultClient, base+"/users", "Sec-Fetch-Site", site); status != want {
			t.Errorf("%q: %d %s", site, status, body)
		}
	}
}

const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

func TestServeShowsBrowsersAPage(t *testing.T) {
	base := serving(t, "--demo-users", "70")
	status, body := ask(t, http.DefaultClient, base+"/", "Accept", browser)
	if status != http.StatusOK || !strings.Contains(body, "People 1 to 50 of 70") || !strings.Contains(body, "nobody here exists") || !strings.Contains(body, "$format=xlsx") {
		t.Errorf("%d %s", status, body)
	}
	for _, headers := range [][]string{{"Host", "evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
		status, body := ask(t, http.DefaultClient, base+"/users", append(headers, "Accept", browser)...)
		if status < 400 || !strings.HasPrefix(body, "<!doctype html>") || strings.Contains(body, "contoso.example") || !strings.Contains(body, "Request id") {
			t.Errorf("%v: %d %s", headers, status, body)
		}
	}
}

func TestABrowserSendsTheTokenAsAPassword(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	write(t, token, "0123456789abcdefghijklmnop\n")
	base := serving(t, "--demo-users", "5", "--token-file", token)
	for password, want := range map[string]int{"0123456789abcdefghijklmnop": 200, "0123456789abcdefghijklmno": 401, "": 401} {
		encoded := base64.StdEncoding.EncodeToString([]byte("anybody:" + password))
		if status, body := ask(t, http.DefaultClient, base+"/users", "Authorization", "Basic "+encoded, "Accept", browser); status != want || !strings.HasPrefix(body, "<!doctype html>") {
			t.Errorf("%q: %d %s", password, status, body)
		}
	}
	for accept, challenge := range map[string]string{browser: `Basic realm="rollcall", charset="UTF-8"`, "*/*": `Bearer realm="rollcall"`} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/users", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if got := resp.Header.Values("WWW-Authenticate"); len(got) != 1 || got[0] != challenge {
			t.Errorf("%s: %q", accept, got)
		}
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T, certFile, keyFile string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return pool
}

func TestServeHasWorkbooks(t *testing.T) {
	base := serving(t, "--demo-users", "1200")
	status, body := ask(t, http.DefaultClient, base+"/users?$format=xlsx&$select=id,employeeId")
	if status != http.StatusOK || !strings.HasPrefix(body, "PK") {
		t.Fatalf("%d %.100q", status, body)
	}
	z, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open("xl/worksheets/sheet1.xml")
	if err != nil {
		t.Fatal(err)
	}
	sheet, err := io.ReadAll(f)
	if rows := strings.Count(string(sheet), "<row "); err != nil || rows != 1201 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

func TestServeShowsSnapshotsAndChangesAsTheyCome(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "snapshot")
	for range 2 {
		if status, stderr := drive(t, io.Discard, nil, "snapshot", "--demo", "--demo-users", "70", "--sink", folder); status != complete {
			t.Fatal(stderr)
		}
	}
	base := serving(t, "--demo-users", "70", "--sink", folder, "--watch")
	status, body := ask(t, http.DefaultClient, base+"/snapshots", "Accept", browser)
	if status != http.StatusOK || !strings.Contains(body, "Latest: 70 people") || !strings.Contains(body, "Verified against $count") || !strings.Contains(body, "<svg") {
		t.Errorf("%d %s", status, body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+"/changes/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	changed := 0
	for lines := bufio.NewScanner(resp.Body); changed < 2 && lines.Scan(); {
		if lines.Text() == "event: change" {
			changed++ // the first one says that everybody is known
		}
	}
	if _, body := ask(t, http.DefaultClient, base+"/changes", "Accept", browser); !strings.Contains(body, "Watching since") || !strings.Contains(body, `<tr data-number="1">`) {
		t.Error(body)
	}
}

func TestTheSinksOfServeKeepSnapshots(t *testing.T) {
	status, stderr := drive(t, io.Discard, nil, "serve", "--demo", "--sink", "eventbridge://default")
	if status != wrongUsage || !strings.Contains(stderr, "--sink takes a folder or a store") {
		t.Errorf("%d %s", status, stderr)
	}
}
