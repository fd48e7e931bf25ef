package dashboards

import (
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

// datasource is what queries go to.
type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// dashboard is what the tests look at of Grafana's classic model.
type dashboard struct {
	UID         string   `json:"uid"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Tags        []string `json:"tags"`
	Editable    *bool    `json:"editable"`
	Templating  struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []annotation `json:"list"`
	} `json:"annotations"`
	Panels []panel `json:"panels"`
}

type variable struct {
	Name       string          `json:"name"`
	Label      string          `json:"label"`
	Type       string          `json:"type"`
	Datasource datasource      `json:"datasource"`
	Query      json.RawMessage `json:"query"` // a text, or an object with the text
	Regex      string          `json:"regex"`
	Refresh    int             `json:"refresh"`
	Multi      bool            `json:"multi"`
	IncludeAll bool            `json:"includeAll"`
	AllValue   string          `json:"allValue"`
}

// query returns the text of the variable's query.
func (v *variable) query() string {
	var text string
	if json.Unmarshal(v.Query, &text) == nil {
		return text
	}
	var object struct {
		Query string `json:"query"`
	}
	if json.Unmarshal(v.Query, &object) != nil {
		return ""
	}
	return object.Query
}

type annotation struct {
	BuiltIn    int        `json:"builtIn"`
	Enable     bool       `json:"enable"`
	Datasource datasource `json:"datasource"`
	Expr       string     `json:"expr"`
}

type panel struct {
	ID          int        `json:"id"`
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Datasource  datasource `json:"datasource"`
	Grid        struct {
		H, W, X, Y int
	} `json:"gridPos"`
	Targets     []target `json:"targets"`
	FieldConfig struct {
		Defaults struct {
			Unit    string `json:"unit"`
			NoValue string `json:"noValue"`
			Custom  struct {
				MinWidth int `json:"minWidth"`
			} `json:"custom"`
		} `json:"defaults"`
		Overrides []struct {
			Matcher struct {
				ID      string `json:"id"`
				Options string `json:"options"`
			} `json:"matcher"`
			Properties []struct {
				ID    string          `json:"id"`
				Value json.RawMessage `json:"value"`
			} `json:"properties"`
		} `json:"overrides"`
	} `json:"fieldConfig"`
	Options struct {
		Color struct {
			Scheme  string `json:"scheme"`
			Reverse bool   `json:"reverse"`
		} `json:"color"`
	} `json:"options"`
	Transformations []struct {
		ID      string `json:"id"`
		Options struct {
			Exclude map[string]bool   `json:"excludeByName"`
			Order   map[string]int    `json:"indexByName"`
			Rename  map[string]string `json:"renameByName"`
		} `json:"options"`
	} `json:"transformations"`
}

type target struct {
	RefID      string     `json:"refId"`
	Datasource datasource `json:"datasource"`
	Expr       string     `json:"expr"`
	Legend     string     `json:"legendFormat"`
	Format     string     `json:"format"`
	Instant    bool       `json:"instant"`
	Range      bool       `json:"range"`
}

// override returns what a property is for the fields that a matcher selects, and whether it is set for them.
func (p *panel) override(matcher, options, property string) (json.RawMessage, bool) {
	for _, o := range p.FieldConfig.Overrides {
		if o.Matcher.ID != matcher || o.Matcher.Options != options {
			continue
		}
		for _, candidate := range o.Properties {
			if candidate.ID == property {
				return candidate.Value, true
			}
		}
	}
	return nil, false
}

// links returns the data links of a panel's fields.
func (p *panel) links(t *testing.T) []string {
	t.Helper()
	var urls []string
	for _, o := range p.FieldConfig.Overrides {
		for _, property := range o.Properties {
			if property.ID != "links" {
				continue
			}
			var links []struct{ URL string }
			if err := json.Unmarshal(property.Value, &links); err != nil {
				t.Fatalf("%s: links: %v", p.Title, err)
			}
			for _, l := range links {
				urls = append(urls, l.URL)
			}
		}
	}
	return urls
}

// shipped returns the embedded dashboards by file.
func shipped(t *testing.T) map[string]*dashboard {
	t.Helper()
	names, err := fs.Glob(Files(), "*.json")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*dashboard{}
	for _, name := range names {
		content, err := fs.ReadFile(Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = parse(t, name, content)
	}
	if !slices.Equal(names, []string{"column.json", "exporter.json", "model.json", "models.json"}) {
		t.Errorf("the dashboards are %s", strings.Join(names, ", "))
	}
	return all
}

func parse(t *testing.T, name string, content []byte) *dashboard {
	t.Helper()
	var d dashboard
	if err := json.Unmarshal(content, &d); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return &d
}

// queries returns the panels that show something that was queried.
func (d *dashboard) queries() []*panel {
	var all []*panel
	for i := range d.Panels {
		if d.Panels[i].Type != "row" {
			all = append(all, &d.Panels[i])
		}
	}
	return all
}
