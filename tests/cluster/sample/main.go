// Command sample is the original application of tests: it answers every request with JSON that says who answered.
//
//	GET|POST /anything   200 and an Answer
//	/slow?ms=500         the same, after a while
//	/status/503          the same, with that status
//	/stream?lines=3      server-sent events, one each 100 ms
//
// HTTP/1.1 with keep-alive and HTTP/2 with prior knowledge share each port. ECHO_PORTS speak raw TCP: a line that
// names the pod, then what came in, back. DIAL_PORTS connect whoever names an address in a line to that address: so a
// test outside the cluster's network sends requests from inside.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Answer is what the rig reads; its Rust twin is `Answer` in tests/src/http.rs.
type Answer struct {
	By         string      `json:"by"`
	Pod        string      `json:"pod"`
	Port       int         `json:"port"`
	Proto      string      `json:"proto"`
	Method     string      `json:"method"`
	Target     string      `json:"target"`
	Host       string      `json:"host"`
	Headers    http.Header `json:"headers"`
	BodyBytes  int64       `json:"body_bytes"`
	BodySha256 string      `json:"body_sha256"`
}

func main() {
	by, pod := environment("ANSWER_BY", "original"), environment("HOSTNAME", "unknown")
	failed := make(chan error)
	for _, port := range ports("HTTP_PORTS", "8080") {
		go func() { failed <- serveHTTP(port, by, pod) }()
	}
	for _, port := range ports("ECHO_PORTS", "") {
		go func() { failed <- serveTCP(port, func(connection net.Conn) { echo(connection, pod) }) }()
	}
	for _, port := range ports("DIAL_PORTS", "") {
		go func() { failed <- serveTCP(port, dial) }()
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	select {
	case err := <-failed:
		log.Fatal(err)
	case <-stop:
		// Nothing to drain: the rig closes its connections itself, and a quick end keeps tests short.
	}
}

func environment(name, otherwise string) string {
	if value, set := os.LookupEnv(name); set {
		return value
	}
	return otherwise
}

func ports(name, otherwise string) []int {
	var list []int
	for _, text := range strings.Fields(strings.ReplaceAll(environment(name, otherwise), ",", " ")) {
		port, err := strconv.ParseUint(text, 10, 16)
		if err != nil {
			log.Fatalf("%s holds %q, which is no port", name, text)
		}
		list = append(list, int(port))
	}
	return list
}

func serveHTTP(port int, by, pod string) error {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	handler := func(w http.ResponseWriter, r *http.Request) { answer(w, r, Answer{By: by, Pod: pod, Port: port}) }
	server := &http.Server{Addr: fmt.Sprintf(":%d", port), Protocols: protocols, Handler: http.HandlerFunc(handler)}
	return server.ListenAndServe()
}

func answer(w http.ResponseWriter, r *http.Request, about Answer) {
	sum := sha256.New()
	length, err := io.Copy(sum, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if !pause(r) {
		return
	}
	if r.URL.Path == "/stream" {
		stream(w, r, about.Pod)
		return
	}
	about.Proto, about.Method, about.Target, about.Host = r.Proto, r.Method, r.RequestURI, r.Host
	about.Headers, about.BodyBytes, about.BodySha256 = r.Header, length, hex.EncodeToString(sum.Sum(nil))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Answered-By", about.By)
	w.WriteHeader(status(r.URL.Path))
	_ = json.NewEncoder(w).Encode(about) // A caller that went away is no concern of ours.
}

// pause waits as long as the request asks and reports whether the caller is still there.
func pause(r *http.Request) bool {
	milliseconds, err := strconv.Atoi(r.URL.Query().Get("ms"))
	if err != nil || r.URL.Path != "/slow" {
		return true
	}
	select {
	case <-time.After(time.Duration(milliseconds) * time.Millisecond):
		return true
	case <-r.Context().Done():
		return false
	}
}

func status(path string) int {
	text, asked := strings.CutPrefix(path, "/status/")
	code, err := strconv.Atoi(text)
	if !asked || err != nil || code < 200 || code > 599 {
		return http.StatusOK
	}
	return code
}

func stream(w http.ResponseWriter, r *http.Request, pod string) {
	lines, err := strconv.Atoi(r.URL.Query().Get("lines"))
	if err != nil {
		lines = 3
	}
	w.Header().Set("Content-Type", "text/event-stream")
	controller := http.NewResponseController(w)
	for line := range lines {
		if _, err := fmt.Fprintf(w, "data: %s %d\n\n", pod, line); err != nil {
			return
		}
		if err := controller.Flush(); err != nil {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func serveTCP(port int, serve func(net.Conn)) error {
	listener, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	for {
		connection, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err == nil {
			go func() {
				defer connection.Close()
				serve(connection)
			}()
		}
	}
}

func echo(connection net.Conn, pod string) {
	if _, err := fmt.Fprintf(connection, "%s\n", pod); err == nil {
		_, _ = io.Copy(connection, connection) // Ends when the caller half-closes or goes away.
	}
}

// dial says + once it is through, and closes without a word when it is refused.
func dial(near net.Conn) {
	from := bufio.NewReader(near)
	address, err := from.ReadString('\n')
	if err != nil {
		return
	}
	far, err := net.DialTimeout("tcp", strings.TrimSpace(address), 5*time.Second)
	if err != nil {
		return
	}
	defer far.Close()
	if _, err := near.Write([]byte("+")); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(far, from)
		_ = far.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(near, far)
}
