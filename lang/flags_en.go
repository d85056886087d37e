package lang

// What flags say of themselves: help.flag.NAME, or help.COMMAND.flag.NAME where a command means something of its own.
var englishFlags = map[string]string{
	"help.flag.help":            "show this help",
	"help.flag.version":         "print the version",
	"help.flag.lang":            "language of texts: en or ar (default: from SIJIL_LANG, LC_ALL, LANG)",
	"help.flag.dir":             "data directory of the node (or SIJIL_DIR)",
	"help.flag.json":            "print JSON, for machines",
	"help.flag.passphrase-file": "file with the passphrase of the root key (or SIJIL_PASSPHRASE_FILE; default: DIR/passphrase, else it is asked for)",
	"help.flag.qr":              "also write it as a QR code to this PNG file; - draws the code instead",
	"help.flag.no-descriptions": "complete without descriptions",

	"help.backup.flag.check":     "make no backup: read and open everything at the destination, and write nothing there",
	"help.backup.flag.keep-days": "days after the end of a month until the keys of its backups are destroyed",
	"help.backup.flag.take-over": "go on where another copy of this node made the last backup; that copy must be gone for good",
	"help.backup.flag.to":        "destination: a folder, or s3://bucket/prefix",

	"help.demo.flag.check": "take the walk and fail if anything does not hold",
	"help.demo.flag.dir":   "where the four nodes live: new, empty, or of an earlier demonstration (default: a temporary directory, removed at the end)",
	"help.demo.flag.keep":  "keep the data of a temporary directory",

	"help.doctor.flag.mend": "apply what is safe to apply",

	"help.export.flag.fhir":  "base URL of the FHIR gate",
	"help.export.flag.log":   "the log of the chart instead of its resources",
	"help.export.flag.out":   "directory to make",
	"help.export.flag.token": "bearer token of who may read the record (or SIJIL_TOKEN)",

	"help.fhir.import.flag.fhir":  "base URL of the FHIR gate",
	"help.fhir.import.flag.token": "bearer token of who may write (or SIJIL_TOKEN)",

	"help.found.flag.adopt": "give this genesis to the node in DIR",
	"help.found.flag.out":   "file for the genesis",

	"help.init.flag.base":     "URL that clients know the FHIR gate by, e.g. https://records.example/fhir",
	"help.init.flag.copies":   "nodes that hold every record, this one included (0: automatic)",
	"help.init.flag.engine":   "where the consensus engine runs: inside, or child (a supervised process)",
	"help.init.flag.fhir":     "address of the FHIR gate, host:port",
	"help.init.flag.follower": "keep the ledger without voting on it",
	"help.init.flag.kit":      "file for the recovery kit, which must not exist (default DIR/recovery-kit.json)",
	"help.init.flag.name":     "name of the organisation",
	"help.init.flag.network":  "lan or wan: how far the members are apart",
	"help.init.flag.p2p":      "address at which other members' consensus engines reach this one, host:port",
	"help.init.flag.peer":     "address at which other members' nodes reach this one, host:port",
	"help.init.flag.wait":     "make the keys only; the ledger is founded or joined later",

	"help.join.flag.genesis": "genesis of the ledger to join",
	"help.join.flag.out":     "file for the request",

	"help.restore.flag.fhir":                     "address of the FHIR gate on the new machine, host:port (default: as in the backup; from custodians 127.0.0.1:8080)",
	"help.restore.flag.from":                     "where the backup is: a folder, or s3://bucket/prefix",
	"help.restore.flag.from-custodians":          "bring everything from the other members; no backup is needed",
	"help.restore.flag.incomplete":               "go on although members do not answer; what only they hold is lost",
	"help.restore.flag.kit":                      "file of the recovery kit",
	"help.restore.flag.offline":                  "do not ask the other members: the node as it was at the backup, for a drill",
	"help.restore.flag.old-machine-is-destroyed": "the machine whose backup this is will never run again",
	"help.restore.flag.p2p":                      "address at which other members' consensus engines reach it (default: as before)",
	"help.restore.flag.peer":                     "address at which other members' nodes reach the new machine (default: as before)",
	"help.restore.flag.trust":                    "trust file of another member",

	"help.rotate.flag.new-validator": "make a new validator key",
	"help.rotate.flag.out":           "file for the request",

	"help.serve.flag.log": "least level that is logged: debug, info, warn, error",

	"help.token.flag.actor":    "who acts, e.g. Practitioner/17 or huda@hospital.example",
	"help.token.flag.lifetime": "how long it is good for, at most 24h (default 1h)",
	"help.token.flag.patient":  "limit the token to one chart, as Patient/ID",
	"help.token.flag.purpose":  "purpose of use",
	"help.token.flag.role":     "role of the actor",

	"help.verify.flag.keys":     "ask for at least this many distinct keys, 1 or more, instead of as many as the trust file's policy asks",
	"help.verify.flag.resource": "also check that this file is what was recorded, as received or as served (- for standard input)",
	"help.verify.flag.trust":    "trust file: the genesis with cosigned checkpoints (- for standard input)",

	"help.witness.flag.dir":    "directory of the witness",
	"help.witness.flag.listen": "address to listen on",
	"help.witness.flag.name":   "name of the witness, as in its key",
	"help.witness.flag.need":   "voting members that must have signed a checkpoint (default: more than two thirds; fewer lets that many fork the ledger)",
	"help.witness.flag.trust":  "trust file of a ledger to witness (repeatable)",
}
