// Command crosscheck reads and makes logs with golang.org/x/mod/sumdb alone.
//
//	crosscheck read DIR VKEY COSIGNER|- INDEX...   verify a log in tiles, print proofs as JSON
//	crosscheck make DIR NAME SIZE                  make a log in tiles, print its keys as JSON
//	crosscheck note VKEY...                        verify a note from standard input
//
// Signatures, hashes, tiles and proofs are those of the packages note and tlog; only the paths of
// C2SP tlog-tiles, the bundles of entries and the message of a cosignature are spelled out here.
package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// Proof is what Go computed from our tiles, and found to be right.
type Proof struct {
	Index       int64       `json:"index"`
	Leaf        tlog.Hash   `json:"leaf"`
	Inclusion   []tlog.Hash `json:"inclusion"`
	OldRoot     tlog.Hash   `json:"old_root"`
	Consistency []tlog.Hash `json:"consistency"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crosscheck:", err)
		os.Exit(1)
	}
}

func run(words []string) error {
	switch {
	case len(words) >= 4 && words[0] == "read":
		return read(words[1], words[2], words[3], words[4:])
	case len(words) == 4 && words[0] == "make":
		return makeLog(words[1], words[2], words[3])
	case len(words) >= 2 && words[0] == "note":
		return openNote(words[1:])
	}
	return errors.New("usage: read DIR VKEY COSIGNER|- INDEX... | make DIR NAME SIZE | note VKEY...")
}

// tilePath is the path of C2SP tlog-tiles: that of Go without the height, and other words for data.
func tilePath(t tlog.Tile) string {
	path := strings.TrimPrefix(t.Path(), "tile/8/")
	if rest := strings.TrimPrefix(path, "data/"); rest != path {
		path = "entries/" + rest
	}
	return "tile/" + path
}

type folder struct{ root string }

func (f folder) Height() int { return height }

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var read [][]byte
	for _, tile := range tiles {
		data, err := os.ReadFile(filepath.Join(f.root, tilePath(tile)))
		if err != nil {
			return nil, err
		}
		if len(data) != tile.W*tlog.HashSize {
			return nil, fmt.Errorf("%s has %d bytes", tilePath(tile), len(data))
		}
		read = append(read, data)
	}
	return read, nil
}

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) entry(index, size int64) ([]byte, error) {
	n := index >> height
	width := size - n<<height
	if width > 1<<height {
		width = 1 << height
	}
	data, err := os.ReadFile(filepath.Join(f.root, tilePath(tlog.Tile{H: height, L: -1, N: n, W: int(width)})))
	if err != nil {
		return nil, err
	}
	for at := n << height; len(data) >= 2; at++ {
		end := 2 + int(binary.BigEndian.Uint16(data))
		if end > len(data) {
			break
		}
		if at == index {
			return data[2:end], nil
		}
		data = data[end:]
	}
	return nil, fmt.Errorf("entry %d is not in its bundle", index)
}

// cosigner verifies `cosignature/v1` of C2SP tlog-cosignature, which the package note lacks.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (c cosigner) Name() string    { return c.name }
func (c cosigner) KeyHash() uint32 { return c.hash }

func (c cosigner) Verify(message, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	time := binary.BigEndian.Uint64(signature)
	signed := append([]byte(fmt.Sprintf("cosignature/v1\ntime %d\n", time)), message...)
	return ed25519.Verify(c.key, signed, signature[8:])
}

func newVerifier(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("a key has three parts")
	}
	data, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(data) != 1+ed25519.PublicKeySize || data[0] != 4 {
		return note.NewVerifier(vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), data...))
	hash := binary.BigEndian.Uint32(sum[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, errors.New("the key has another id than it names")
	}
	return cosigner{parts[0], hash, data[1:]}, nil
}

// open returns the text of a note that every one of the keys has signed.
func open(message []byte, keys []string) (string, error) {
	var known []note.Verifier
	for _, key := range keys {
		verifier, err := newVerifier(key)
		if err != nil {
			return "", err
		}
		known = append(known, verifier)
	}
	opened, err := note.Open(message, note.VerifierList(known...))
	if err != nil {
		return "", err
	}
	if len(opened.Sigs) != len(keys) {
		return "", fmt.Errorf("%d of %d keys signed", len(opened.Sigs), len(keys))
	}
	return opened.Text, nil
}

func openNote(keys []string) error {
	message, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	text, err := open(message, keys)
	if err != nil {
		return err
	}
	fmt.Print(text)
	return nil
}

func treeOf(text string) (tlog.Tree, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tlog.Tree{}, errors.New("a checkpoint has three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

func read(root, vkey, cosignerKey string, indexes []string) error {
	message, err := os.ReadFile(filepath.Join(root, "checkpoint"))
	if err != nil {
		return err
	}
	keys := []string{vkey}
	if cosignerKey != "-" {
		keys = append(keys, cosignerKey)
	}
	text, err := open(message, keys)
	if err != nil {
		return err
	}
	tree, err := treeOf(text)
	if err != nil {
		return err
	}
	proofs := []Proof{}
	for _, word := range indexes {
		index, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return err
		}
		proof, err := prove(folder{root}, tree, index)
		if err != nil {
			return fmt.Errorf("record %d: %w", index, err)
		}
		proofs = append(proofs, proof)
	}
	return json.NewEncoder(os.Stdout).Encode(proofs)
}

// prove reads an entry and proves it, and that the tree that ends before it grew into this one.
func prove(from folder, tree tlog.Tree, index int64) (Proof, error) {
	entry, err := from.entry(index, tree.N)
	if err != nil {
		return Proof{}, err
	}
	hashes := tlog.TileHashReader(tree, from)
	proof := Proof{Index: index, Leaf: tlog.RecordHash(entry)}
	inclusion, err := tlog.ProveRecord(tree.N, index, hashes)
	if err != nil {
		return Proof{}, err
	}
	if err := tlog.CheckRecord(inclusion, tree.N, tree.Hash, index, proof.Leaf); err != nil {
		return Proof{}, err
	}
	proof.Inclusion = inclusion
	if index == 0 {
		return proof, nil
	}
	if proof.OldRoot, err = tlog.TreeHash(index, hashes); err != nil {
		return Proof{}, err
	}
	consistency, err := tlog.ProveTree(tree.N, index, hashes)
	if err != nil {
		return Proof{}, err
	}
	proof.Consistency = consistency
	return proof, tlog.CheckTree(consistency, tree.N, tree.Hash, index, proof.OldRoot)
}

type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, m[index])
	}
	return found, nil
}

func save(root, path string, data []byte) error {
	path = filepath.Join(root, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func makeLog(root, name, sizeText string) error {
	size, err := strconv.ParseInt(sizeText, 10, 64)
	if err != nil {
		return err
	}
	var hashes memory
	var bundle bytes.Buffer
	for index := int64(0); index < size; index++ {
		entry := []byte(fmt.Sprintf("entry %d of go", index))
		if err := binary.Write(&bundle, binary.BigEndian, uint16(len(entry))); err != nil {
			return err
		}
		bundle.Write(entry)
		stored, err := tlog.StoredHashes(index, entry, hashes)
		if err != nil {
			return err
		}
		hashes = append(hashes, stored...)
		if width := index&(1<<height-1) + 1; width == 1<<height || index == size-1 {
			tile := tlog.Tile{H: height, L: -1, N: index >> height, W: int(width)}
			if err := save(root, tilePath(tile), bundle.Bytes()); err != nil {
				return err
			}
			bundle.Reset()
		}
	}
	for _, tile := range tlog.NewTiles(height, 0, size) {
		data, err := tlog.ReadTileData(tile, hashes)
		if err != nil {
			return err
		}
		if err := save(root, tilePath(tile), data); err != nil {
			return err
		}
	}
	return seal(root, name, size, hashes)
}

func seal(root, name string, size int64, hashes memory) error {
	hash, err := tlog.TreeHash(size, hashes)
	if err != nil {
		return err
	}
	var signers []note.Signer
	var keys []string
	for _, who := range []string{name, "another.example/signer"} {
		secret, public, err := note.GenerateKey(rand.Reader, who)
		if err != nil {
			return err
		}
		signer, err := note.NewSigner(secret)
		if err != nil {
			return err
		}
		signers, keys = append(signers, signer), append(keys, public)
	}
	text := fmt.Sprintf("%s\n%d\n%s\n", name, size, hash)
	signed, err := note.Sign(&note.Note{Text: text}, signers...)
	if err != nil {
		return err
	}
	if err := save(root, "checkpoint", signed); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(keys)
}
