package lang

var arabicFlags = map[string]string{
	"help.flag.help":            "عرض هذه المساعدة",
	"help.flag.version":         "طباعة الإصدار",
	"help.flag.lang":            "لغة النصوص: en أو ar (المعتاد: من SIJIL_LANG ثم LC_ALL ثم LANG)",
	"help.flag.dir":             "مجلد بيانات العقدة (أو SIJIL_DIR)",
	"help.flag.json":            "طباعة JSON للبرامج",
	"help.flag.passphrase-file": "ملف عبارة مرور المفتاح الجذري (أو SIJIL_PASSPHRASE_FILE؛ المعتاد: DIR/passphrase وإلا طُلبت)",
	"help.flag.qr":              "كتابته أيضًا رمز QR في ملف PNG هذا؛ والعلامة - ترسم الرمز بدلًا من ذلك",
	"help.flag.no-descriptions": "الإكمال دون شرح",

	"help.backup.flag.check":     "بلا نسخ: قراءة كل ما في الوجهة وفتحه دون كتابة شيء فيها",
	"help.backup.flag.keep-days": "عدد الأيام بعد نهاية الشهر حتى تُتلف مفاتيح نسخه الاحتياطية",
	"help.backup.flag.take-over": "المتابعة حيث صنعت نسخة أخرى من هذه العقدة آخر نسخة احتياطية؛ يجب أن تكون تلك قد زالت نهائيًّا",
	"help.backup.flag.to":        "الوجهة: مجلد أو s3://bucket/prefix",

	"help.demo.flag.check": "القيام بالجولة والفشل إن لم يصحّ شيء منها",
	"help.demo.flag.dir":   "مكان العُقد الأربع: جديد أو فارغ أو من عرض سابق (المعتاد: مجلد مؤقت يُحذف في النهاية)",
	"help.demo.flag.keep":  "إبقاء بيانات المجلد المؤقت",

	"help.doctor.flag.mend": "تنفيذ ما تنفيذه آمن",

	"help.export.flag.fhir":  "عنوان بوابة FHIR الأساسي",
	"help.export.flag.log":   "سجل الملف بدلًا من موارده",
	"help.export.flag.out":   "المجلد الذي يُنشأ",
	"help.export.flag.token": "رمز دخول من يحق له قراءة الملف (أو SIJIL_TOKEN)",

	"help.fhir.import.flag.fhir":  "عنوان بوابة FHIR الأساسي",
	"help.fhir.import.flag.token": "رمز دخول من يحق له الكتابة (أو SIJIL_TOKEN)",

	"help.found.flag.adopt": "إعطاء ملف التأسيس هذا للعقدة في DIR",
	"help.found.flag.out":   "الملف الذي يُكتب فيه التأسيس",

	"help.init.flag.base":     "العنوان الذي يعرف به العملاء بوابة FHIR، مثل https://records.example/fhir",
	"help.init.flag.copies":   "عدد العُقد التي تحفظ كل قيد، ومنها هذه (0: تلقائي)",
	"help.init.flag.engine":   "مكان عمل محرّك التوافق: inside في العملية نفسها، أو child في عملية تابعة",
	"help.init.flag.fhir":     "عنوان بوابة FHIR، بالشكل host:port",
	"help.init.flag.follower": "حفظ السجل دون التصويت فيه",
	"help.init.flag.kit":      "ملف مجموعة الاستعادة، ويجب ألّا يكون موجودًا (المعتاد DIR/recovery-kit.json)",
	"help.init.flag.name":     "اسم المؤسسة",
	"help.init.flag.network":  "بُعد الأعضاء بعضهم عن بعض: lan أو wan",
	"help.init.flag.p2p":      "العنوان الذي تصل به محرّكات الأعضاء الآخرين إلى محرّك هذه العقدة، بالشكل host:port",
	"help.init.flag.peer":     "العنوان الذي تصل به عُقد الأعضاء الآخرين إلى هذه العقدة، بالشكل host:port",
	"help.init.flag.wait":     "إنشاء المفاتيح فقط؛ ويُؤسَّس السجل أو يُنضمّ إليه لاحقًا",

	"help.join.flag.genesis": "ملف تأسيس السجل المراد الانضمام إليه",
	"help.join.flag.out":     "الملف الذي يُكتب فيه الطلب",

	"help.restore.flag.fhir":                     "عنوان بوابة FHIR على الجهاز الجديد، بالشكل host:port (المعتاد: كما في النسخة الاحتياطية؛ ومن الحافظين 127.0.0.1:8080)",
	"help.restore.flag.from":                     "مكان النسخة الاحتياطية: مجلد أو s3://bucket/prefix",
	"help.restore.flag.from-custodians":          "إحضار كل شيء من الأعضاء الآخرين؛ لا حاجة إلى نسخة احتياطية",
	"help.restore.flag.incomplete":               "المتابعة وإن لم يُجب بعض الأعضاء؛ ما لا يحفظه غيرهم يضيع",
	"help.restore.flag.kit":                      "ملف مجموعة الاستعادة",
	"help.restore.flag.offline":                  "عدم سؤال الأعضاء الآخرين: العقدة كما كانت وقت النسخة، للتمرين",
	"help.restore.flag.old-machine-is-destroyed": "الجهاز صاحب هذه النسخة لن يعمل أبدًا",
	"help.restore.flag.p2p":                      "العنوان الذي تصل به محرّكات الأعضاء الآخرين إليه (المعتاد: كما كان)",
	"help.restore.flag.peer":                     "العنوان الذي تصل به عُقد الأعضاء الآخرين إلى الجهاز الجديد (المعتاد: كما كان)",
	"help.restore.flag.trust":                    "ملف الثقة من عضو آخر",

	"help.rotate.flag.new-validator": "إنشاء مفتاح تحقق جديد",
	"help.rotate.flag.out":           "الملف الذي يُكتب فيه الطلب",

	"help.serve.flag.log": "أدنى مستوى يُدوَّن: debug أو info أو warn أو error",

	"help.token.flag.actor":    "من يتصرف، مثل Practitioner/17 أو huda@hospital.example",
	"help.token.flag.lifetime": "مدة صلاحيته، وأقصاها 24h (المعتاد 1h)",
	"help.token.flag.patient":  "قصر الرمز على ملف مريض واحد، بالشكل Patient/ID",
	"help.token.flag.purpose":  "غرض الاستعمال",
	"help.token.flag.role":     "صفة من يتصرف",

	"help.verify.flag.keys":     "طلب هذا العدد على الأقل من المفاتيح المختلفة، 1 أو أكثر، بدل العدد الذي تطلبه سياسة ملف الثقة",
	"help.verify.flag.resource": "التحقق أيضًا من أن هذا الملف هو المسجَّل، كما استُلم أو كما سُلّم (العلامة - للمدخل القياسي)",
	"help.verify.flag.trust":    "ملف الثقة: التأسيس مع نقاط التحقق الموقَّعة (العلامة - للمدخل القياسي)",

	"help.witness.flag.dir":    "مجلد الشاهد",
	"help.witness.flag.listen": "العنوان الذي يُنتظر عليه",
	"help.witness.flag.name":   "اسم الشاهد كما هو في مفتاحه",
	"help.witness.flag.need":   "عدد الأعضاء المصوّتين الواجب توقيعهم على نقطة التحقق (المعتاد: أكثر من الثلثين؛ وأقل من ذلك يتيح لهذا العدد أن يشعّب السجل)",
	"help.witness.flag.trust":  "ملف الثقة لسجل يُشهد عليه (يمكن تكراره)",
}
