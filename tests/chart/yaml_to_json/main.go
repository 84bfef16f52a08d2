// What Kubernetes reads in manifests: each document as JSON, by the reader that kubectl uses.
//
// On stdin a JSON list of streams; on stdout, for each, the list of its documents, or an error as
// a text. A stream that begins with a brace is read as JSON, as kubectl does.
package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"regexp"

	"sigs.k8s.io/yaml"
)

var marker = regexp.MustCompile(`(?m)^---(?:[ \t].*)?\r?$`)

func main() {
	var streams []string
	if err := json.NewDecoder(os.Stdin).Decode(&streams); err != nil {
		panic(err)
	}
	found := make([]any, len(streams))
	for number, stream := range streams {
		documents, err := read([]byte(stream))
		if err != nil {
			found[number] = err.Error()
		} else {
			found[number] = documents
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		panic(err)
	}
}

func read(stream []byte) ([]json.RawMessage, error) {
	stream = bytes.TrimPrefix(stream, []byte("\ufeff"))
	if bytes.HasPrefix(bytes.TrimSpace(stream), []byte("{")) {
		return readJSON(stream)
	}
	documents := []json.RawMessage{}
	for _, part := range marker.Split(string(stream), -1) {
		converted, err := yaml.YAMLToJSON([]byte(part))
		if err != nil {
			return nil, err
		}
		if string(converted) != "null" {
			documents = append(documents, converted)
		}
	}
	return documents, nil
}

func readJSON(stream []byte) ([]json.RawMessage, error) {
	documents := []json.RawMessage{}
	decoder := json.NewDecoder(bytes.NewReader(stream))
	for {
		var document json.RawMessage
		if err := decoder.Decode(&document); err == io.EOF {
			return documents, nil
		} else if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
}
