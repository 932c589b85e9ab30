const TEXTS = {
  en: {
    title: "Sign in to your account", user: "User ID", password: "Password", login: "Sign in", next: "Next",
    forgot: "Forgot password?", terms: "I accept the terms and conditions",
    codeTitle: "Two-step verification", otp: "Code from your authenticator app", sms: "Code that we sent by SMS",
    hint: "Enter the 6-digit code", verify: "Verify", instead: "Use an authenticator app instead",
    wait: "One moment please", broken: "Something went wrong. Please try again later.",
    consentTitle: "Sandbox app wants to use your account", rights: ["See your profile", "Place and change orders"],
    allow: "Allow", deny: "Deny",
    noticeTitle: "Tell us your nominee", notice: "New rules ask every investor to decide.", nominee: "Add a nominee", later: "Later",
    signupTitle: "Open a free account", signup: ["Full name", "E-mail", "Mobile number", "Create a password"], join: "Sign up",
    cookies: "We use cookies. Which ones may we set?", accept: "Accept all", reject: "Reject all",
  },
  hi: {
    title: "अपने खाते में प्रवेश करें", user: "उपयोगकर्ता आईडी", password: "पासवर्ड", login: "प्रवेश करें", next: "आगे बढ़ें",
    forgot: "पासवर्ड भूल गए?", terms: "मैं शर्तें स्वीकार करता हूँ",
    codeTitle: "दो-चरणीय सत्यापन", otp: "प्रमाणक ऐप का कोड", sms: "एसएमएस का कोड",
    hint: "छह अंकों का कोड लिखें", verify: "सत्यापित करें", instead: "प्रमाणक ऐप का उपयोग करें",
    wait: "कृपया प्रतीक्षा करें", broken: "कुछ गड़बड़ हो गई।",
    consentTitle: "सैंडबॉक्स ऐप आपके खाते का उपयोग करना चाहता है", rights: ["आपकी प्रोफ़ाइल देखना", "ऑर्डर देना और बदलना"],
    allow: "अनुमति दें", deny: "मना करें",
    noticeTitle: "नामांकित व्यक्ति", notice: "नए नियम निर्णय माँगते हैं।", nominee: "नामांकित व्यक्ति जोड़ें", later: "बाद में",
    signupTitle: "मुफ़्त खाता खोलें", signup: ["पूरा नाम", "ईमेल", "मोबाइल", "पासवर्ड बनाएँ"], join: "खाता खोलें",
    cookies: "हम कुकी का उपयोग करते हैं।", accept: "सभी स्वीकार करें", reject: "सभी अस्वीकार करें",
  },
};
TEXTS.own = {
  ...TEXTS.en, title: "The cave", user: "Who goes there?", password: "The magic word", login: "Open sesame", next: "Open sesame",
  codeTitle: "One thing more", otp: "The number of the hour", hint: "", verify: "Tell it", allow: "Let it in", deny: "Keep it out",
};
