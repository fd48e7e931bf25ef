package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// notification is what Alertmanager sends to a webhook, as far as the demo looks at it.
type notification struct {
	// To is the name of the receiver, which is the path of its address.
	To              string            `json:"-"`
	Status          string            `json:"status"`
	GroupLabels     map[string]string `json:"groupLabels"`
	TruncatedAlerts int               `json:"truncatedAlerts"`
	Alerts          []alert           `json:"alerts"`
}

// alert is one alert of a notification.
type alert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Fingerprint string            `json:"fingerprint"`
}

// receiver returns a handler that takes notifications of all receivers.
func receiver(take func(notification)) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{receiver}", func(w http.ResponseWriter, r *http.Request) {
		n := notification{To: r.PathValue("receiver")}
		if n.To == "retrain" && r.Header.Get("Authorization") != "Bearer "+retrainToken {
			http.Error(w, "wrong token", http.StatusUnauthorized)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		take(n)
		w.WriteHeader(http.StatusAccepted)
	})
	return mux
}

// printer prints notifications as they come. It also stands for the pipeline that trains: it says which runs would be
// started.
type printer struct {
	out io.Writer
	// told has the status that each receiver knows of each alert.
	told map[[2]string]string
	// runs are the training runs that were started.
	runs map[string]bool
}

func newPrinter(out io.Writer) *printer {
	return &printer{out: out, told: map[[2]string]string{}, runs: map[string]bool{}}
}

func (p *printer) print(n notification) {
	for _, a := range n.Alerts {
		p.tell(n.To, a)
		if n.To == "retrain" && a.Status == "firing" {
			p.train(a)
		}
	}
}

// tell prints an alert that is new to the receiver. Alertmanager sends a group whole, whatever has changed in it.
func (p *printer) tell(to string, a alert) {
	key := [2]string{to, a.Fingerprint}
	if p.told[key] == a.Status {
		return
	}
	p.told[key] = a.Status
	fmt.Fprintf(p.out, "%s  %s is told: %s %s", time.Now().Format(time.TimeOnly), to, a.Labels["alertname"], a.Status)
	for _, name := range []string{"severity", "model", "version", "column", "action"} {
		if a.Labels[name] != "" {
			fmt.Fprintf(p.out, ", %s %s", name, a.Labels[name])
		}
	}
	fmt.Fprintf(p.out, "\n          %s\n", strings.TrimSpace(a.Annotations["description"]))
}

// train starts one run for an alert, however often that is sent: a fingerprint is the same for the same labels, and
// another start is another alert.
func (p *printer) train(a alert) {
	run := fmt.Sprintf("retrain-%s-%d", a.Fingerprint, a.StartsAt.Unix())
	if p.runs[run] {
		fmt.Fprintf(p.out, "          the run %s exists already\n", run)
		return
	}
	p.runs[run] = true
	fmt.Fprintf(p.out, "          here a pipeline would start the run %s\n", run)
}
