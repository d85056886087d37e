package lang

// What commands say of themselves: help.COMMAND.short in a list, help.COMMAND.long above it in its help. A text may have several lines;
// what a person will copy stands on a line of its own.
var englishHelp = map[string]string{
	"help.short": "The record that hospitals, laboratories, universities and regulators keep together",
	"help.long": `Sijil keeps medical records encrypted at their owner, with every change to them and every look at them on a ledger
that several organisations keep together and anyone can check.

  sijil demo                          see all of it at work on this machine, in a minute
  sijil init --dir DIR --name NAME    make a node for an organisation
  sijil serve --dir DIR               run it
  sijil verify RECEIPT --trust FILE   check a receipt, without a network

Texts are in English or Arabic: --lang, else SIJIL_LANG, else LC_ALL, LC_MESSAGES and LANG decide.

Exit codes: 0 done; 1 failed, or a proof does not hold; 2 damage found, or the command was misused;
3 a proof holds but is NOT WITNESSED.`,

	"help.demo.short": "Run four organisations on this machine, with sample patients and a walk to copy",
	"help.demo.long": `Starts a teaching hospital, a rural clinic, a laboratory and a university, each a node of its own on 127.0.0.1, loads sample
patients through the FHIR gate, and prints a short walk. DIR/demo.json says where everything is and holds tokens. Ctrl-C stops all.

A temporary directory is removed at the end, unless something failed: then it stays, logs included, and its name is said.

With --check it takes the walk itself and exits with 1 if anything does not hold.`,

	"help.init.short": "Make a node for an organisation",
	"help.init.long": `Makes the keys and the data directory of a new node. Without more it founds a ledger of its own: one hospital, one node, useful
at once. Others can be voted in later, and a witness next door protects it from its own administrator today.

With --wait it makes the keys only: the founders of a common ledger exchange their member.json files and one of them runs
"sijil found"; a newcomer to a running ledger hands member.json to a member, who runs "sijil join".

The recovery kit brings the organisation back when every machine is lost. Print it and keep it elsewhere.

Where clients reach the gate through a TLS proxy, give its URL with --base: links lead there, and references that begin with it
are to this node.`,

	"help.found.short": "Found a common ledger from its founders' descriptions",
	"help.found.long": `Joins the descriptions of the founders (the member.json of each) into one genesis. Every founder then gives the same file to its
node with "sijil found --adopt GENESIS.json --dir DIR". The ledger's name is the file's hash: compare it by telephone.
Four founders or more tolerate the loss of one; two or three tolerate none.`,

	"help.serve.short": "Run a node",
	"help.serve.long": `Runs the node in DIR until it is stopped (Ctrl-C, SIGTERM). Logs go to standard error, one JSON line each when that is no
terminal. They hold no patient's data.`,

	"help.status.short": "Show how a running node does, and what needs attention",

	"help.token.short": "Mint a short-lived bearer token",
	"help.token.long": `Asks the running node for a bearer token, which says who acts, as what and why. The node notes that it was minted.
Roles: clinician, nurse, laboratory, radiology, patient (with --patient), auditor, privacy-officer, administrator, system.
Purposes are codes of HL7 v3-ActReason: TREAT, COC, ETREAT, ERTREAT, BTG, HPAYMT, HOPERAT, HCOMPL, HLEGAL, PATSFTY, HSYSADMIN,
HRESCH, CLINTRCH, PUBHLTH, PATRQT, FAMRQT.`,

	"help.verify.short": "Check a receipt, without a network and without trusting who gave it",
	"help.verify.long": `Checks a receipt from the entry up to the signatures of the organisations that keep the ledger. It needs the receipt and
the trust file of the ledger (every node has one: trust.json), and no network. With - for one of the files it is read from standard input.

Have the trust file from somebody you trust, not from who gave you the receipt: a receipt of another ledger than the trust file's does
not hold.

With a directory that "sijil export" wrote, every receipt in it is checked with the resource beside it; and of a chart's log
(sijil export --log) that no entry is missing: they are numbered from 0 on without a gap, and each names the one before.

Exit codes: 0 it holds; 1 something does not hold, and the first such thing is named; 2 a file could not be read, the trust file is none,
or the command was misused; 3 it holds but rests on fewer keys than the trust file's policy asks (NOT WITNESSED).`,

	"help.audit.short": "Verify again, from the genesis on, everything that a node holds",
	"help.audit.long": `Re-verifies the chain of anchors, the journal against it, every ciphertext, and the files that a start reads, without any key. A node
that runs in DATA_DIR does it itself. One that does not is read where it lies: nothing is written, and the medium may be read-only.

Exit codes: 0 all is well; 2 something is damaged, and each damage is named; 1 the audit could not be made.`,

	"help.scrub.short": "Read everything stored, find damage, and heal it from custodians' copies",
	"help.scrub.long": `Asks the running node to read everything it holds, its own and other members', and to compare it with its hashes. What is damaged is
replaced by a custodian's copy.

Exit codes: 0 nothing is damaged any more; 2 something is and could not be healed.`,

	"help.doctor.short": "Explain what is wrong with a node that does not start or move on, and mend what is safe",

	"help.export.short": "Write a patient's record to files, each resource with the receipt that proves it",
	"help.export.long": `Reads everything of one patient through the FHIR gate, as the token's owner, and writes for each resource a file and the receipt of its
current version, and the ledger's trust file. Whoever gets the directory checks it without a network and without us:

  sijil verify DIR --trust DIR/trust.json

DIR/trust.json comes from the same hand as the receipts. Who does not take that hand's word compares it with one had from elsewhere, such
as another member's, or checks with that one.

With --log it is the log of the chart instead: every entry of who did what, as an AuditEvent, with its receipt, for an auditor's or the
patient's own token. sijil verify DIR then shows that none of them is missing.

Each resource and each receipt handed out is an entry of the chart.`,

	"help.backup.short": "Make an encrypted, incremental backup",
	"help.backup.long": `Backs up the node in DIR to DEST: a folder, for instance on a USB disk, or s3://bucket/prefix with AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL and AWS_REGION in the environment. The place need not be trusted: all of it is encrypted, and only
the recovery kit opens it. Only what is new is stored. A running node makes the backup itself; for one that is stopped
the passphrase is needed.

The keys of a month's backups are destroyed --keep-days after the month's end. What was erased from the record in the meantime is then
gone from the backups too. What other members gave this node to hold is not in it: they bring it again.

Each backup reads back and opens a part of what is at DEST, so that all was read after 32 backups at the latest; up to 128 MiB are read
whole each time. What is damaged or missing there is stored again, and named.
With --check no backup is made: all at DEST is read and opened, and nothing is written there. Damage is named, with exit code 2.`,

	"help.restore.short": "Make a node again from its recovery kit, with a backup or with what the other members hold",
	"help.restore.long": `Makes the node again in the new directory NEW. Everything is checked; what is damaged is named, and then nothing is left in NEW.
The search index is made anew at the first start.

--from DEST takes the latest backup, from a folder or s3://bucket/prefix. Of a member of a larger ledger, what came after the backup is
brought from the other members, its custodians; with --offline it is not, and the node is as it was then: for a drill.

--from-custodians needs no backup: journal, ciphertexts and key store come from the other members, who hold them without being able to
read them. --trust names the trust file of any of them (DIR/trust.json there): it says which ledger it is and where its members are.

The kit opens the key store, and its signing key proves to the members whose record is asked for.

The node gets a new validator key: what the old key signed is in no copy, and a key that forgot what it signed may sign twice.
A member of a larger ledger reads and writes at once, and anchors again when the others have voted its new key in: see "sijil rotate".
A node on a ledger of its own then reads, proves and takes entries, and anchors none: this is the drill, and it may be made while the old
node runs. When the old machine will never run again, say so with --old-machine-is-destroyed: the node gets its validator
key back and goes on from the last block in the backup.`,

	"help.join.short": "Join a running ledger, or let somebody join",
	"help.join.long": `The newcomer, whose node was made with "sijil init --wait", names the genesis of the ledger (a file that any member gives), and gets
a request file:
  sijil join --genesis genesis.json --dir NEW --out request.json

Each member then agrees, until more than two thirds have:
  sijil join request.json --dir MEMBER

After that the newcomer runs "sijil serve" and catches up by itself.`,

	"help.leave.short": "Agree that an organisation leaves the ledger",
	"help.leave.long": `Each member runs this until more than two thirds have agreed. The organisation is named by its identifier, as "sijil status" shows
it. What it has anchored stays on the ledger; its node is no longer admitted.`,

	"help.rotate.short": "Change an organisation's keys or addresses on the ledger",
	"help.rotate.long": `The organisation makes a request, with a new validator key or with the one that "sijil restore" made, and with the addresses
that stand in its config.json; its node is running:
  sijil rotate --new-validator --dir DIR --out rotate.json

Each member then agrees, until more than two thirds have (a change of addresses alone needs nobody but the organisation itself, once in 100 blocks);
what the request would change is shown:
  sijil rotate rotate.json --dir MEMBER

The node goes over to the new validator key by itself, at the first block that the members want it for; the old key is kept aside and
signs nothing more.`,

	"help.witness.short": "Cosign other ledgers' checkpoints, so that nobody can rewrite them",
	"help.witness.long": `A witness keeps no data and no copy of a ledger: it remembers the last checkpoint it cosigned and cosigns only what extends it. A
hospital that runs alone is protected from its own administrator by a university next door that does this. It speaks the
C2SP tlog-witness protocol over HTTP, and the same by file, for a USB stick, e-mail or QR codes.

Once; prints the key to name in the node's config.json:
  sijil witness init --dir W --name university.example/sijil
Cosign over HTTP:
  sijil witness serve --dir W --trust trust.json --listen :8090
Cosign a file; prints the answer:
  sijil witness cosign --dir W --trust trust.json REQUEST

The trust file says who speaks for a ledger: the voting members of its last epoch. More than two thirds of them must have signed a
checkpoint before it is cosigned; --need N asks for fewer. When members change, get the trust file anew and start again.`,
	"help.witness.init.short":   "Make a witness's key",
	"help.witness.serve.short":  "Cosign over HTTP",
	"help.witness.cosign.short": "Cosign a request from a file (- for standard input)",

	"help.fhir.short":        "Bring data in as FHIR, and packages of definitions",
	"help.fhir.import.short": "Bring many FHIR resources in from files of ndjson",
	"help.fhir.import.long": `Sends files with a resource on each line (newline-delimited JSON, .gz too) to the FHIR gate as one $import, waits until the node is done,
and says what became of the lines. Of a directory it takes all .ndjson and .ndjson.gz below it. What is there already, and alike, changes
nothing: what was broken off, or partly refused, can be imported again. Once all is sent the import goes on at the node, whatever becomes
of this program.

  sijil token --actor loader --role system > token
  SIJIL_TOKEN=$(cat token) sijil fhir import DIR --fhir http://HOST:PORT/fhir

Of refused lines the first are named, by file and line, with the reason. Each resource that is stored is an entry of its patient's chart.

Exit codes: 0 all is stored; 2 lines were refused, or what was typed is wrong; 1 it failed.`,
	"help.fhir.package.short": "Add, list and remove packages of FHIR definitions",
	"help.fhir.package.long": `Profiles, extensions, value sets, code systems and search parameters of implementation guides come as packages, one file each:
US Core, the International Patient Summary, HL7's terminology. They are kept in the node's directory and nothing is fetched from a
network; packages that one depends on are added by themselves. A change takes effect when the node is started again.

  sijil fhir package add hl7.fhir.us.core-6.1.0.tgz --dir DIR`,
	"help.fhir.package.add.short":    "Add a package from its file (.tgz)",
	"help.fhir.package.list.short":   "List the packages that were added",
	"help.fhir.package.remove.short": "Remove a package",

	"help.checkpoint.short": "Have the ledger's head cosigned now, and renew the trust file",
	"help.checkpoint.long": `Makes a checkpoint, collects the signatures of members and witnesses that can be reached, and writes trust.json anew. For a witness
reached by file, print a request, carry it to the witness, who runs "sijil witness cosign", and take the answer:
  sijil checkpoint request NAME --dir DIR > request
  sijil checkpoint accept NAME REQUEST ANSWER --dir DIR

Both print text that an e-mail can hold, and with --qr FILE.png the same as a QR code for a telephone's camera.`,
	"help.checkpoint.request.short": "Print a request for a witness reached by file",
	"help.checkpoint.accept.short":  "Take a witness's answer",

	"help.engine.short":  "Run the consensus engine for a node (started by serve)",
	"help.version.short": "Print the version",
	"help.help.short":    "Explain a command",

	"help.completion.short": "Print a script that lets the shell complete commands",
	"help.completion.long":  "The help of each shell's command says how its script is put to use.",

	"help.completion.bash.short": "The script for bash",
	"help.completion.bash.long": `Needs the package bash-completion. In the shell that runs now:
  source <(sijil completion bash)
In every new one:
  sijil completion bash > /etc/bash_completion.d/sijil`,
	"help.completion.zsh.short": "The script for zsh",
	"help.completion.zsh.long": `In the shell that runs now:
  source <(sijil completion zsh)
In every new one, where completion is on (autoload -U compinit; compinit):
  sijil completion zsh > "${fpath[1]}/_sijil"`,
	"help.completion.fish.short": "The script for fish",
	"help.completion.fish.long": `In the shell that runs now:
  sijil completion fish | source
In every new one:
  sijil completion fish > ~/.config/fish/completions/sijil.fish`,
	"help.completion.powershell.short": "The script for PowerShell",
	"help.completion.powershell.long": `In the shell that runs now; for every new one add the line to your profile:
  sijil completion powershell | Out-String | Invoke-Expression`,
}
