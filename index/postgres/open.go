package postgres

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sijil-health/sijil/index"
	"github.com/sijil-health/sijil/index/rows"
)

// ErrInUse is returned by Open where another process has the index open.
var ErrInUse = errors.New("the index in this database is in use by another process")

const (
	schema = `CREATE TABLE IF NOT EXISTS sijil_index (k bytea PRIMARY KEY, v bytea NOT NULL)`
	// lock keeps two nodes from writing one table.
	lock = `SELECT pg_try_advisory_lock('sijil_index'::regclass::oid::int, 1)`
)

// connections is how many requests the database answers at once. One more holds the lock.
const connections = 16

// Open opens or creates the index in the database of a URL (postgres://…) under a key of index.KeySize bytes. Errors: index.ErrAway, index.ErrDamaged, for one written under another key too (the caller may Remove it, and rebuild); ErrInUse.
func Open(ctx context.Context, url string, key []byte) (*index.Index, error) {
	if len(key) != index.KeySize {
		return nil, fmt.Errorf("index: key of %d bytes, want %d", len(key), index.KeySize)
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the URL of the index's database is malformed") // pgx's error quotes it, with the password
	}
	config.MaxConns = connections
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "on" // a server that is started anew must not go back behind what this process knows
	config.ConnConfig.RuntimeParams["application_name"] = "sijil"
	sealing := sha256.Sum256(append([]byte("sijil/index/postgres/1"), key...))
	block, err := aes.NewCipher(sealing[:])
	if err != nil {
		return nil, err
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &store{reader: reader{q: pool, seal: seal, persist: persist}, pool: pool}
	if err := s.begin(ctx, config.ConnConfig); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return index.On(s, key)
}

// Remove deletes the index in a database, which must not be open, for one to be made anew.
func Remove(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `DROP TABLE IF EXISTS sijil_index`)
	return errors.Join(err, conn.Close(ctx))
}

// store is the table.
type store struct {
	reader
	pool *pgxpool.Pool
	held *pgx.Conn // by which the lock is held
	once sync.Once
}

func (s *store) begin(ctx context.Context, config *pgx.ConnConfig) error {
	return persist(ctx, func() error {
		if s.held != nil {
			s.held.Close(ctx)
		}
		var err error
		if s.held, err = pgx.ConnectConfig(ctx, config.Copy()); err != nil {
			return err
		}
		if _, err := s.held.Exec(ctx, schema); err != nil {
			return err
		}
		var got bool
		if err := s.held.QueryRow(ctx, lock).Scan(&got); err != nil {
			return err
		}
		if !got {
			return ErrInUse
		}
		return nil
	})
}

// patience is how long what fails is tried again: a connection may be of before the server was started anew.
const patience = 3 * time.Second

// persist tries again, at growing intervals, what fails because the server is not there; not what it refuses. Errors: index.ErrAway.
func persist(ctx context.Context, do func() error) error {
	until := time.Now().Add(patience)
	for rest := 20 * time.Millisecond; ; rest *= 2 {
		err := do()
		switch {
		case err == nil || !away(err) || ctx.Err() != nil:
			return err
		case time.Now().After(until):
			return fmt.Errorf("%w: %w", index.ErrAway, err)
		}
		select {
		case <-time.After(rest):
		case <-ctx.Done():
		}
	}
}

// away tells whether a server could not be reached, is starting or stopping, or has no room for one more, rather than that it refused.
func away(err error) bool {
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) {
		switch refused.Code[:2] { // classes of conditions, PostgreSQL's Appendix A
		case "08", "53", "57", "40":
			return true
		}
		return false
	}
	return !errors.Is(err, ErrInUse) && !errors.Is(err, index.ErrDamaged) && !errors.Is(err, context.Canceled)
}

// Close ends what is under way and closes all connections.
func (s *store) Close() error {
	s.once.Do(func() {
		s.pool.Close()
		if s.held != nil {
			s.held.Close(context.Background())
		}
	})
	return nil
}

var _ rows.Store = (*store)(nil)
