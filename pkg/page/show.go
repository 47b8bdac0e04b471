package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

//go:embed assets
var assetFiles embed.FS

//go:embed templates
var templateFiles embed.FS

// frame is what every page has around its view.
type frame struct {
	Title  string
	Prefix string
	Tabs   []tab
	Tab    string // the view that is shown
	Demo   bool
	View   any
}

// tab leads to a view.
type tab struct{ View, Label, Path string }

func tabs() []tab {
	return []tab{{"people", "People", "/users"}, {"snapshots", "Snapshots", "/snapshots"}, {"changes", "Changes", "/changes"}}
}

// policy keeps a page from everything but its own files: what a name of somebody else may
// smuggle into it can neither run nor be loaded nor be sent anywhere.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// protect sets the headers of everything that is made for browsers.
func protect(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
}

// show writes a view. It is written whole or not at all.
func (p *Page) show(w http.ResponseWriter, r *http.Request, status int, name, title string, view any) {
	var body bytes.Buffer
	err := p.templates[name].ExecuteTemplate(&body, "page", frame{Title: title, Prefix: prefix(r), Tabs: tabs(), Tab: name, Demo: p.config.Demo, View: view})
	if err != nil { // a defect of a template, which no data causes
		failure.Of(fmt.Errorf("show %s: %w", name, err)).Write(w)
		return
	}
	h := w.Header()
	protect(h)
	h.Set("Vary", "Accept")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes())
	}
}

// asset is a file of the page's own.
type asset struct {
	name, path, contentType string
	body                    []byte
}

const assetsPath = "/assets/"

// readAssets returns the assets by their paths, which change with their content, so that
// browsers may keep them for ever.
func readAssets() (map[string]asset, error) {
	assets := map[string]asset{}
	err := fs.WalkDir(assetFiles, "assets", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := assetFiles.ReadFile(file)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		name, extension := path.Base(file), path.Ext(file)
		a := asset{name: name, path: assetsPath + strings.TrimSuffix(name, extension) + "." + hex.EncodeToString(sum[:6]) + extension, body: body}
		a.contentType = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}[extension]
		assets[a.path] = a
		return nil
	})
	return assets, err
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
}

// parseTemplates reads the templates, one for each view within the same frame.
func parseTemplates(assets map[string]asset) (map[string]*template.Template, error) {
	functions := template.FuncMap{
		"asset": func(name string) (string, error) {
			for _, a := range assets {
				if a.name == name {
					return a.path, nil
				}
			}
			return "", fmt.Errorf("there is no asset %s", name)
		},
	}
	views, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		return nil, err
	}
	templates := map[string]*template.Template{}
	for _, file := range views {
		name := strings.TrimSuffix(path.Base(file), ".html")
		if name == "page" {
			continue
		}
		templates[name], err = template.New(name).Funcs(functions).ParseFS(templateFiles, "templates/page.html", file)
		if err != nil {
			return nil, err
		}
	}
	return templates, nil
}
