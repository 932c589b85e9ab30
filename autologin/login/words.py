"""The words of login pages in the languages that they are written in, as patterns.

Patterns are matched, in lower case, against what a page calls a thing: a label, a placeholder, or a
name of its markup as `spell` writes it. Languages without spaces between words stand without word
borders.
"""

from __future__ import annotations

import re
from functools import lru_cache

JOINTS = re.compile(r"[\s_\-.\[\]():/*$]+")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@lru_cache(maxsize=4096)
def spell(text: str) -> str:
    """A label or a name in lower case, its parts separated: `txtUserName` is `txt user name`."""
    return JOINTS.sub(" ", CAMEL.sub(" ", text)).strip().lower()


def _pattern(*words: str) -> re.Pattern[str]:
    return re.compile("|".join(words))


LOGIN = _pattern(
    r"\b(log|sign) ?[io]n\b|\blogon\b|\bmy ?account\b|\bauthenticat\w*",
    r"\b(user|member|client) area\b|\banmeld(en|ung)\b|\beinloggen\b|\binicia(r|) sesi[oó]n\b",
    r"\b(entrar|acceder|acceso|ingresar)\b|\bentre\b|\bconnexion\b|\bconnecte[rz]\b|\bconectar\b",
    r"\bacessar\b|\bacced[ie]\b|\baccesso\b|\binloggen\b|\baanmelden\b|\blogga in\b|\blogg inn\b",
    r"\blog ind\b|\bkirjaudu\b|\bprihl|\bpřihl|\bzaloguj|\blogowanie|\bbejelentkez",
    r"\bautentificare|\bconectare|\bgiriş|\boturum aç|войти|вход|увійти|вхід|авториз|登录|登入",
    r"登錄|ログイン|로그인|đăng nhập|लॉग ?इन|साइन ?इन|प्रवेश|\bmasuk\b|تسجيل الدخول|כניסה",
    r"เข้าสู่ระบบ",
)
"""To sign in."""
SIGN_UP = _pattern(
    r"\bsign(ing)? ?up\b|\bregist(er|ers|ered|ration|rations|ering)\b",
    r"\bnew (user|customer|member|client)\b",
    r"\b(create|creating|open|opening|start|get|make)\b( (an?|my|your|"
    r"the))?( \w+){0,3} account\b",
    r"\baccount (opening|creation)\b|\bjoin\b|\bget started\b|\benrol+(ment)?\b",
    r"\bbecome an? \w+\b|\bopen (a )?demat\b|\b(konto|account) (erstellen|eröffnen|anlegen)\b",
    r"\bregistrier\w*|\bneukunde\b",
    r"\bregistr(o|ar|arse|arme|ate|ati|ato|azione|eren|era|uj|ieren|ovat|ace)\b|\bregístr\w*",
    r"\bs['’]?inscrire\b|\binscri(ption|vez|rse|birse|cao)\b",
    r"\bcr(ear?|ée[rz]) (una? |un |mon |votre )?(cuenta|conta|compte)\b|\bcadastr\w*",
    r"\biscriviti\b|\bzarejestruj|\brejestracj|\bkayıt|\büye ol|\bhesap oluştur|\bskapa konto\b",
    r"\bopret\b|\bregisztr|зарегистр|регистрац|створити|зареєстр|注册|註冊|新規登録|会員登録",
    r"회원가입|đăng ký|साइन ?अप|पंजीक|पंजीयन|खाता खोल|\bdaftar\b|สมัคร|تسجيل جديد|إنشاء حساب",
)
"""To become a user."""
LEADS_BACK = _pattern(
    r"\b(back|return|cancel|already|zurück|volver|retour|voltar)\b",
)
RECOVERY = _pattern(
    r"\brecupera[cç]\w*|\bpw ?forgot\b|\b(e ?mail|link|instructions?) (will be|to reset|with)\b",
    r"\b(forgot(ten)?|forget|lost|recover(y)?|reset|retrieve|remind)\b.{0,40}\b(pass|pwd|"
    r"user ?(id|name)|log ?in|account|credential|details|link)",
    r"\b(pass ?word|pass ?code|account|user ?(name|id)) (reset|recovery|reminder|retrieval)\b",
    r"\b(lost|forgot|recover|reset) ?(pass|pw)|\bpasswort vergessen\b|\bmot de passe oublié\b",
    r"\bcontraseña olvidada\b|olvid(é|aste|ado)|\brecuperar\b|\brestablecer\b|\besqueceu\b",
    r"\bdimenticat|\bréinitialis|zurücksetzen|\bvergeten\b|забыли|восстанов|сброс|\bunuttum\b",
    r"忘记密码|忘記密碼|重置密码|找回密码|パスワードを忘れ|비밀번호 찾기|भूल गए|quên mật khẩu",
)
"""To get a lost password back."""
NEWSLETTER = _pattern(
    r"\bsubscri(be|ption|ber)\b|\bnewsletter\b|\bmailing list\b",
    r"\be ?mail (updates|alerts|offers)\b",
    r"\bstay (in touch|connected|informed|up to date|updated)\b|\bnotify me\b",
    r"\bfree (trial|demo|quote)\b|\bwaitlist\b|\babonnieren\b|\bsuscr[ií]b|\bs['’]?abonner\b",
    r"\bassine\b|\bподпис|\bbülten|订阅|購読|구독|सदस्यता",
)
SEARCH = _pattern(
    r"\bsearch(ing)?\b|\bsuche?\b|\bbuscar?\b|\brecherch\w*|\bpesquisa\w*|\bcerca\b|\bzoek\w*",
    r"\bszukaj\b|\bsök\b|\bhledat\b|поиск|пошук|искать|\bara\b|\barama\b|搜索|搜尋|検索|검색",
    r"tìm kiếm|खोज|\bcari\b|ค้นหา|بحث|\bkeywords?\b|\bquery\b|^[qs]$",
)
PASSWORD = _pattern(
    r"\bpass ?(word|code|phrase|wd|wort|w)?\b|\bpwd\b|\bpsw\b|\bpasswd\b|pass(word|wd)",
    r"\b[mt] ?pin\b|\bpin\b(?! ?code)|\bsecret (key|word)\b|\bkennwort\b|\bcontrase[nñ]a\b",
    r"\bclave\b|\bsenha\b|\bmot de passe\b|\bmdp\b|\bwachtwoord\b|\bhas[lł]o\b|\bheslo\b",
    r"\bparola\b|\bşifre\w*|\bl[öo]senord\b|\bsalasana\b|\bjelsz[oó]|\badgangskode\b|\bpassord\b",
    r"парол|密码|密碼|口令|パスワード|暗証番号|비밀번호|암호|mật khẩu|पासवर्ड|कूटशब्द|கடவுச்சொல்",
    r"পাসওয়ার্ড|పాస్‌?వర్డ్|ಪಾಸ್‌?ವರ್ಡ್|પાસવર્ડ|പാസ്‌?വേഡ്|पिन|kata sandi|รหัสผ่าน",
    r"كلمة (المرور|السر)|סיסמה",
)
NEW = _pattern(
    r"\b(new|confirm(ed|ation)?|repeat|again|re ?type|re ?enter|re ?password|verify|create|"
    r"choose|set|match|check|twice|desired|pick|conf)\b",
    r"(?<=pass)(word)?( ?(2|b|again|conf\w*|repeat|new))\b",
    r"\b(neue?s?|best[äa]tig\w*|wiederhol\w*)\b",
    r"\b(nueva|nuevo|repet\w*|repit\w*|confirm\w*|nouveau|r[ée]p[ée]t\w*|nova|novo|nuova|"
    r"conferma\w*|ripeti\w*|nieuw|herhaal|bevestig\w*|gentag|bekr[äa]fta|toista|potvr[zd]\w*|"
    r"znovu|nowe|powt[óo]rz\w*)\b",
    r"нов(ый|ого)|повтор|подтвер|\byeni\b|\btekrar\b|\bonayla\w*|确认|確認|新密码|再次|重复",
    r"再入力|新しい|확인|재입력|xác nhận|nhập lại|नया|पुष्टि|दोबारा",
)
"""A password to be made, or a second time the same."""
NEW_BY_NAME = _pattern(
    r"\b(new|conf\w*|repeat|re|re ?type|re ?enter|verify|create|choose)( user| your)? ?p(ass|"
    r"wd|sw|w\b)",
    r"\bp(ass(word|wd)?|wd|sw)( ?(2|b|again|conf\w*|repeat|new|check|verify))\b",
    r"\bconfirm(ation)?$",
)
"""The same in the names of a page's markup."""
CURRENT = _pattern(
    r"\b(current|old|existing|present|actual|altes?|aktuell\w*|atual|ancien|vecchia|huidig)\b",
    r"старый|текущ|旧密码|原密码|当前密码|現在の|현재|वर्तमान|पुराना|hiện tại",
)
USER_ID = _pattern(
    r"\b(user|log ?in|sign ?in|client|customer|member|account|trading|dp|web|net)( ?(id|name|"
    r"code|no|nr|number|nick))?\b",
    r"\bucc\b|\busr\b|\bu ?id\b|\buid\b",
    r"\b(user|login|client|customer)(name|id|code|email|email|mail)\b|\bnick ?(name)?\b",
    r"\bidentifier\b|\bhandle\b|\bscreen ?name\b|\be ?mail\b|\bmail\b|\bemail\w*|\bmobile\b",
    r"\bphone\b|\bbenutzer\w*|\bnutzername\b|\banmeldename\b|\bkennung\b",
    r"\bkunden ?(nummer|nr|kennung)\b|\busuari[oa]\b|\busuário\b|\bcorreo\b|\butilisateur\b",
    r"\bidentifiants?\b|\bcourriel\b|\bpseudo\b|\butente\b|\bgebruiker\w*|\binlognaam\b",
    r"\bbrukernavn\b|\banv[äa]ndar\w*|\bk[äa]ytt[äa]j\w*|\bfelhaszn[áa]l[óo]\w*|\bu[žz]ivatel\w*",
    r"\bu[żz]ytkownik\w*|\butilizator\b|\bkullan[ıi]c[ıi]\w*|\be ?posta\b|логин|пользовател|почт",
    r"емейл|користувач|用户|用戶|账号|帳號|帐号|賬號|账户|帳戶|邮箱|郵箱|手机|手機|ユーザー",
    r"メール|アカウント|会員番号|아이디|이메일|계정|tên đăng nhập|tài khoản|tên người dùng",
    r"उपयोगकर्ता|यूज़र|यूजर|ग्राहक|ईमेल|मोबाइल|\bpengguna\b|ชื่อผู้ใช้|اسم المستخدم|البريد|משתמש",
    r"אימייל",
)
OTP = _pattern(
    r"प्रमाणक|аутентификатор|验证器|認証アプリ",
    r"\bt?otp\b|\bone ?time\b|\b2 ?fa\b|\btwo ?(factor|step)\b|\bmfa\b",
    r"\bauthenticat(or|ion) (app |code)|\bauthenticator\b",
    r"\b(verification|security|login|access|auth|sms|email|app|\d ?digit) code\b|\btoken code\b",
    r"\bverification (key|number)\b|\bbest[äa]tigungscode\b|\bsicherheitscode\b",
    r"\bc[óo]digo de (verificaci[óo]n|seguridad|verifica[çc][ãa]o|seguran[çc]a)\b",
    r"\bcode de (v[ée]rification|s[ée]curit[ée])\b|\bcodice di (verifica|sicurezza)\b",
    r"код подтвер|код из|проверочный код|doğrulama kodu|認証コード|인증번호|mã xác (nhận|thực)",
    r"सत्यापन|ओटीपी",
)
SENT = _pattern(
    r"\bwhats ?apped\b|\bmessaged you\b|\breceived (on|by|via|at) (your|sms|e ?mail)\b",
    r"\bsent\b.{0,60}\b(mobile|phone|number|sms|e ?mail|whatsapp)\b|\be ?mailed\b|\btexted\b",
    r"\b(by|via|through) (sms|text|e ?mail|whatsapp)\b.{0,30}\b(to|at)\b",
    r"\b(gesendet|geschickt|enviado|enviamos|envoyé|inviato|verzonden|wysłano|gönderil\w*)\b",
    r"отправ|भेजा|भेज दिया|发送|發送|送信しました|보냈|đã gửi",
)
"""A page that says so means the code that it sent."""
TOTP = _pattern(
    r"प्रमाणक|аутентификатор|验证器|認証アプリ",
    r"\btotp\b|\bauthenticator\b|\btime ?based\b|\bgoogle auth\w*",
)
OTHER_CODE = _pattern(
    r"\b(transaction|trading password|recovery|backup)\b",
    r"\b(voucher|coupon|promo|gift|referral|partner|pledge|cdsl|nsdl|e ?dis|t ?pin|upi|atm|"
    r"question)\b",
    r"\b(answer|withdraw\w*|payout|dob|birth|pan|ifsc|branch|pin ?code|post ?code|zip)\b",
)
"""Codes and numbers that are no second factor of a login, nor its PIN."""
OTHER_MATTER = _pattern(
    r"\b(pledge|nominee|nomination|cdsl|nsdl|e ?dis|t ?pin|upi|withdraw\w*|payout|voucher)\b",
    r"\b(recovery|backup) code\b",
)
"""What a page asks a code for, where that is no login."""
OTHER_AIM = _pattern(
    r"\b(link|connect) (to |your |an? )*(broker|bank|database|server)\b",
    r"\brefer (a |your )?friends?\b",
    r"\b(chang(e|ing)|updat(e|ing)|set|create|choose|reset|renew|expir(ed|es|"
    r"y))\b.{0,25}\b(pass ?(word|code)|m?pin)\b",
    r"\b(pass ?(word|code)|m?pin)\b.{0,25}\b(expired|update|change|reset)\b|\bchoose a new one\b",
    r"\b(activate|deactivate|delete|close) (your )?(account|profile)\b|\bunsubscribe\b",
    r"\bwi ?fi\b|\b(confirm|approve) (the |your )?(withdrawal|payment|order|transfer)\b",
    r"\bpay (with|by|now|via)\b|\bapply for\b|\bnet ?banking\b.{0,20}\bpay|\bsmtp\b",
    r"\bpasswort (ändern|zurücksetzen|festlegen)\b",
    r"\b(réinitialis|changer|modifier)\w*.{0,20}mot de passe|\bcontraseña (caducada|nueva)\b",
    r"\b(cambiar|restablecer|alterar|redefinir|trocar)\b.{0,15}\b(contraseña|senha)\b",
    r"パスワード変更|पासवर्ड (बदल|रीसेट)|修改密码|重置密码|(смен|измен)\w* парол",
)
"""What a page with a password asks it for, where that is no login."""
OTHER_ACT = _pattern(
    r"^(save|change|update|delete|pay|withdraw|activate|deactivate|set|reset|apply|buy|sell|"
    r"unsubscribe|speichern|ändern|guardar|cambiar|salvar|alterar|enregistrer|modifier|保存|"
    r"変更|сохранить|изменить|सहेजें|बदलें)\b",
)
FILLERS = _pattern(
    r"\b(to|your|my|the|an?|account|now|securely|secure|and|me|us|please|here)\b|[^\w]",
)
"""What may stand on a login's button besides, and says nothing."""
OTP_SURE = _pattern(
    r"प्रमाणक|аутентификатор|authentifi\w* ?app|驗證器|验证器|認証アプリ|인증 앱",
    r"\bt?otp\b|\bone ?time\b|\b2 ?fa\b|\btwo ?(factor|step)\b|\bmfa\b|\bauthenticat(or|ion)\b",
    r"\b\d ?digit\b|\btime dependent\b|ओटीपी",
)
"""What no captcha is called."""
MAIL = _pattern(
    r"\b(e ?mail|mail|email|courriel|correo|e ?posta)( ?(address|id))?\b|почт|邮箱|郵箱|メール",
    r"이메일|ईमेल|البريد|אימייל",
)
PHONE = _pattern(
    r"\b(mobile|phone|telephone|handy|celular|m[óo]vil)( ?(no|nr|number))?\b|телефон|手机|手機",
    r"電話|전화|điện thoại|मोबाइल|फ़ोन",
)
ADDRESS = _pattern(MAIL.pattern, PHONE.pattern)
"""What a newsletter asks for, too."""
CAPTCHA = _pattern(
    r"captcha|\bcaptch\w*|\bkaptcha\b|\bcode (shown|in the (image|picture)|above|below)\b",
    r"\bcharacters?\b.{0,30}\b(shown|picture|image|see|above|below)\b",
    r"\b(enter|type) (the )?(characters|letters|text|numbers|digits)\b|\bwords? (above|below)\b",
    r"\bimage (code|text)\b|\bv(erify|erif)? ?code\b|\bsecurity (question|image)\b|\bhuman\b",
    r"\banti ?(spam|bot)\b|\bimg ?code\b|\bcheck ?code\b|\brandom ?code\b|\bsicherheitsabfrage\b",
    r"图形|圖形|验证码|驗證碼|कैप्चा|画像",
)
NO_USER_ID = _pattern(
    r"\b(server|host|database|scrip|symbol|stock|account type)\b|\bpin ?code\b",
    r"\b(first|last|middle|full|given|family|sur|father|mother|maiden|company|organi[sz]ation|"
    r"business|bank|branch|card|holder|street|city|file)( ?s)? ?name\b",
    r"\b(fname|lname|surname|vorname|nachname|prénom|nom|apellidos?|nombre|имя|фамилия)\b",
    r"\bsubject\b|\bmessage\b|\bcomment\w*|\bdescription\b|\boptional\b|\bwebsite\b|\burl\b",
    r"\bcoupon\b|\bpromo\w*|\breferr?al\b|\binvit\w*|\bgift\b|\baddress\b(?<!mail address)",
    r"\bcity\b|\bstate\b|\bcountry\b|\bzip\b|\bpost(al)? ?code\b|\bpostcode\b|\bstreet\b",
    r"\bcompany\b|\bamount\b|\bquantity\b|\bdate of birth\b|\bdob\b|\bbirth\w*|\bgender\b",
    r"\bpan\b|\baadhaa?r\b|\bifsc\b|\bcode\b|\bverif\w*|\bdomain\b|\bsubdomain\b|\btenant\b",
    r"\bopen ?id\b|\bfax\b|\banswer\b|\bregistration (no|number)\b",
)
"""What speaks against a user id."""
PERSONAL = {
    "name": _pattern(
        r"\b(first|last|middle|full|given|family|sur|your) ?name\b|\b[fl]name\b|\bsurname\b",
        r"\b(vorname|nachname)\b|\bprénom\b|\bapellidos?\b|\bnombre\b|фамилия|^имя$|姓名|名前",
        r"이름|^name$|\bfullname\b|\bfirstname\b|\blastname\b|\bnome\b|\bcognome\b|\bhọ tên\b",
        r"पूरा नाम|^नाम$|\bad soyad\b|\bsoyad",
    ),
    "phone": _pattern(
        r"\b(mobile|phone|telephone|cell|contact)( ?(no|number|num))?\b|\btel\b|\btelefon\w*",
        r"\bt[ée]l[ée]phone\b|\bcelular\b|телефон|手机|手機|電話|전화|điện thoại|मोबाइल|फ़ोन",
    ),
    "birth": _pattern(
        r"\bdate of birth\b|\bdob\b|\bbirth\w*|\bgeburt\w*|\bnacimiento\b|\bnaissance\b|\bнасцим",
        r"рожд|生日|生年月日|생년월일|जन्म|\bage\b|\byyyy\b",
    ),
    "address": _pattern(
        r"\b(street|city|town|state|province|zip|post(al)? ?code|postcode|country|pin ?code|"
        r"address ?(line)? ?[12])\b",
        r"\baddress\b(?<!mail address)(?<!mail addr)|\badresse\b(?<!mail adresse)|\bciudad\b",
        r"\bstadt\b|\bville\b|\bplz\b|город|адрес|城市|地址|住所|주소|पता\b|शहर",
    ),
    "company": _pattern(
        r"\b(company|organi[sz]ation|business|firm|employer|job title|firma|empresa|"
        r"entreprise)\b",
        r"компани|公司|会社",
    ),
    "papers": _pattern(
        r"\b(pan( ?(card|no|number))?|aadhaa?r|passport|ssn|social security|nominee|ifsc|"
        r"bank account|income|occupation|gst(in)?)\b",
    ),
    "website": _pattern(
        r"\b(website|url|home ?page)\b",
    ),
    "message": _pattern(
        r"\b(message|comments?|subject|enquiry|inquiry|feedback)\b",
    ),
}
"""Personal data: what an account is opened with, or a person writes to somebody."""
CARD = {
    "number": _pattern(
        r"\b(card ?(number|no|num)|cardnumber|credit ?card|kartennummer)\b",
    ),
    "code": _pattern(
        r"\b(cvv2?|cvc2?|cid|security code)\b",
    ),
    "expiry": _pattern(
        r"\b(expiry|expiration|exp ?(date|month|year)|mm ?yy)\b",
    ),
    "holder": _pattern(
        r"\b(card ?holder|name on card)\b",
    ),
}
"""What a payment by card is made with."""
GO_ON = _pattern(
    r"\b(continue|next|proceed|submit|verify|confirm|go|ok|send|enter|done)\b",
    r"\b(weiter|absenden|fortfahren|continuar|siguiente|continuer|suivant|valider|envoyer|"
    r"enviar|próximo|avançar|avanti|continua|invia|verder|volgende|dalej|devam|ileri|gönder|"
    r"nästa|fortsätt|jatka|tovább|pokračovat)\b",
    r"продолжить|далее|отправить|下一步|继续|提交|確定|确定|次へ|送信|続行|다음|확인|tiếp tục",
    r"आगे|जारी रखें|सबमिट|जमा|\blanjut",
)
"""What a form's button says besides."""
NOT_SENDING = _pattern(
    r"\bforgot(ten)?\b|\bforget\b|\breset\b|\brecover\b|\bcancel\b|\bback\b|\bclose\b|\bclear\b",
    r"\bdismiss\b|\bhelp\b|\bsupport\b|\bcontact\b|\btrouble\b|\bproblem\b",
    r"\b(can ?not|can t|unable)\b|\bshow\b|\bhide\b|\breveal\b|\bview\b|\btoggle\b|\beye\b",
    r"\bcopy\b|\brefresh\b|\breload\b|\bresend\b|\bre send\b|\bcookies?\b|\bdeny\b|\bdecline\b",
    r"\breject\b|\bnot now\b|\bskip\b|\blisten\b|\b(sign|signing) ?up\b|\bregister\b|\bcreate\b",
    r"\bopen (an? )?(free |demat )?account\b|\bsubscribe\b|\bsearch\b|\blanguage\b|\bmenu\b",
    r"\bdownload\b|\binstall\b|\bget the app\b|\blearn more\b",
    r"\b(abbrechen|zurück|vergessen|anzeigen|verbergen|hilfe|suche|suchen|registrieren|löschen|"
    r"cancelar|olvid\w*|mostrar|ocultar|ayuda|buscar|registr\w*|annuler|oublié|afficher|"
    r"masquer|aide|rechercher|s inscrire|inscription|esquec\w*|ajuda|annulla|dimentica\w*|"
    r"mostra|nascondi|aiuto|cerca|iscriviti|vergeten|toon|annuleren|zoeken|anuluj|pokaż|ukryj|"
    r"pomoc|szukaj|iptal|göster|gizle|unuttum|ara|yardım|geri|kayıt)\b",
    r"отмен|забыл|не могу|показать|скрыть|помощь|поиск|регистр|зарегистр|назад|取消|忘记|忘記",
    r"显示|顯示|隐藏|帮助|搜索|注册|註冊|返回|キャンセル|忘れ|表示|検索|新規|戻る|취소|표시|검색",
    r"회원가입|hủy|quên|hiển thị|đăng ký|tìm|रद्द|भूल|दिखा|छुपा|सहायता|मदद|खोज|वापस|पंजी|साइन अप",
)
"""To reveal, to clear, to get help, to go elsewhere."""
THIRD_PARTY = _pattern(
    r"\b(google|facebook|apple|microsoft|github|linked ?in|twitter|yahoo|amazon|whats ?app|"
    r"truecaller|digi ?locker|wechat|weibo|qq|vkontakte|vk|telegram|line|kakao|naver|okta|"
    r"slack|discord|steam|paypal|open ?id|saml|sso|single sign ?on|instagram|spotify|tiktok|"
    r"samsung|azure|office ?365|gmail|passkey|web ?authn|security key|windows hello|face ?id|"
    r"touch ?id|finger ?print|biometrics?)\b",
    r"微信|微博|支付宝|카카오|네이버|яндекс|одноклассник|госуслуг",
)
"""Other people's accounts, and what no program can show to a sensor."""
BY_FACTOR = _pattern(
    r"\b(?:with|via|by|using|through|mit|con|avec|par|com|per)\b (?:an? |your |the )?(.+)$",
    r"^(?:get|send|request|generate|resend|receive) (?:an? |the |me |my )?(.+)$",
    r"^use (?:an? |your |the )?(.+)$|^(.+?) (?:log ?in|sign ?in|login instead)$",
)
"""A button that names what one signs in with."""
FACTORS = {
    "code": _pattern(
        r"\bt?otp\b|\b2 ?fa\b|\bauthenticator\b|\bcode\b|\btoken\b|\bone ?time\b|\btwo ?factor\b",
    ),
    "password": _pattern(
        r"\bpass ?word\b|\bpasscode\b|\bm?pin\b|passwort|contraseña|mot de passe|senha",
        r"\bcredentials\b",
    ),
    "pin": _pattern(
        r"\bm?pin\b|\bpass ?word\b",
    ),
    "text": _pattern(
        r"\b(user|client|customer) ?(id|name|code)\b|\busername\b|\be ?mail\b",
        r"\bmobile( number| no)?\b|\bphone\b",
    ),
    "phone": _pattern(
        r"\bmobile\b|\bphone\b|\bt?otp\b",
    ),
    "none": _pattern(
        r"\bqr\b|\bscan\b|\blink\b|\bapp code\b|\bpush\b|\bsms\b|\btext message\b|\bcall\b",
        r"\bface\b",
    ),
}
"""What such a button may name, by the kind of field that it stands for."""
