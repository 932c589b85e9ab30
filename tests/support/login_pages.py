"""Pages of brokers that do not exist, and what must be found on each: issue 14, part A, sentence by sentence.

An element that is to be filled or pressed says so itself, in `data-is`; a page that says nothing of it is to be left alone.
Where several elements say the same, each of them will do, but for the boxes of a code: those are meant together.
"""

from __future__ import annotations

from dataclasses import dataclass

PICTURE = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='{}' height='{}'/%3E"


def picture(width, height, more=""):
    return f'<img src="{PICTURE.format(width, height)}" width={width} height={height} {more}>'


@dataclass(frozen=True)
class Row:
    """One page. `kind` is what it is called, where the issue names it; `after` the field that was sent before it.

    `or_nothing`: to fill nothing is right too. `names`: what the refusal must name.
    """

    part: str
    name: str
    html: str
    kind: str = ""
    after: str = ""
    or_nothing: bool = False
    names: str = ""


USER = "<label>User ID <input name=userid data-is=user_id></label>"
PASS = "<label>Password <input type=password name=password data-is=password></label>"
GO = "<button data-is=press>Login</button>"
MASK = 'style="-webkit-text-security:disc"'

ONE_BOX = [
    Row(
        "A1",
        "kite-like, a user id of six characters",
        '<form><input id=userid type=text maxlength=6 placeholder="Phone or User ID" autocapitalize=characters data-is=user_id><input id=password type=password placeholder=Password data-is=password><button type=submit data-is=press>Login</button><a href="#">Forgot user ID or password?</a></form>',
    ),
    Row(
        "A1",
        "a PIN box of six digits",
        "<form><label for=c>Client code</label><input id=c data-is=user_id><label for=p>PIN</label><input id=p type=password maxlength=6 inputmode=numeric data-is=password><button data-is=press>Proceed</button></form>",
    ),
    Row(
        "A1",
        "an MPIN of four digits",
        "<form><label for=c>Client ID</label><input id=c maxlength=6 data-is=user_id><label for=p>MPIN</label><input id=p type=password maxlength=4 data-is=password><button data-is=press>Sign in</button></form>",
    ),
    Row(
        "A1",
        "the user id alone, six characters",
        "<form><h1>Log in</h1><label for=c>User ID</label><input id=c maxlength=6 data-is=user_id><button data-is=press>Continue</button></form>",
    ),
    Row(
        "A1",
        "everything on one form",
        f"<form>{USER}{PASS}<label>TOTP <input name=twofa maxlength=6 inputmode=numeric data-is=otp></label>{GO}</form>",
    ),
    Row(
        "A1",
        "a referral code of six characters",
        f"<form>{USER}{PASS}<label>Referral code (optional) <input name=ref maxlength=6></label>{GO}</form>",
    ),
    Row(
        "A1",
        "a branch code alone is no code of ours",
        "<form><label>Branch code <input name=branch maxlength=6></label><button>Go</button></form>",
    ),
    Row(
        "A1",
        "a postal code of six digits alone",
        "<form><label>Pincode <input name=pin maxlength=6 inputmode=numeric></label><button>Check delivery</button></form>",
    ),
    Row(
        "A1",
        "PAN or date of birth after the password",
        "<form><h1>Verify</h1><label>PAN / Date of birth (DDMMYYYY) <input name=dob maxlength=10></label><button>Verify</button></form>",
        after="password",
    ),
    Row(
        "A1",
        "a year of birth after the password",
        "<form><label>Enter your year of birth <input name=yob maxlength=6 inputmode=numeric></label><button>Continue</button></form>",
        after="password",
    ),
    Row(
        "A1",
        "flattrade-like, three boxes",
        '<div class=v-card><input placeholder="User Name" id=input-19 data-is=user_id><input placeholder="Password" id=pwd type=password data-is=password><input placeholder="OTP / TOTP" id=pan type=password maxlength=6 data-is=otp><button id=sbmt data-is=press>Log In</button></div>',
    ),
]
HALF_FILLED = [
    Row(
        "A2",
        "a masked text box",
        f"<form>{USER}<label>Password <input type=text name=pw {MASK} data-is=password></label>{GO}</form>",
    ),
    Row(
        "A2",
        "a masked telephone box for the PIN",
        f"<form><label>Client code <input name=cc data-is=user_id></label><label>MPIN <input type=tel maxlength=6 name=mpin {MASK} data-is=password></label>{GO}</form>",
    ),
    Row(
        "A2",
        "read-only until it has the focus",
        f"<form>{USER}<label>Password <input type=password readonly onfocus=\"this.removeAttribute('readonly')\" name=pw data-is=password></label>{GO}</form>",
        or_nothing=True,
    ),
    Row(
        "A2",
        "a read-only user id and password until focus",
        f'<form><label>User ID <input readonly onfocus="this.readOnly=false" name=u data-is=user_id></label><label>Password <input type=password readonly onfocus="this.readOnly=false" name=pw data-is=password></label>{GO}</form>',
        or_nothing=True,
    ),
    Row(
        "A2",
        "four boxes for a PIN that we do not have",
        f"<form><label>User ID <input name=u></label><p>PIN</p>{'<input type=password maxlength=1 size=1 name=d>' * 4}<button>Login</button></form>",
    ),
    Row(
        "A2",
        "a password and a PIN",
        f"<form>{USER.replace(' data-is=user_id', '')}{PASS.replace(' data-is=password', '')}<label>Trading PIN <input type=password name=pin></label><button>Login</button></form>",
    ),
    Row(
        "A2",
        "a branch before the password",
        "<form><label>User ID <input name=u></label><label>Branch <input name=b></label><label>Password <input type=password name=p></label><button>Login</button></form>",
        or_nothing=True,
    ),
    Row(
        "A2",
        "a number for the id",
        f"<form><label>Client ID <input type=number name=client data-is=user_id></label>{PASS}{GO}</form>",
        or_nothing=True,
    ),
    Row(
        "A2",
        "a box that is no input",
        f'<form><div contenteditable role=textbox aria-label="User ID" style="border:1px solid;width:200px;height:20px" data-is=user_id></div>{PASS}{GO}</form>',
        or_nothing=True,
    ),
    Row(
        "A2",
        "the only password says new-password",
        f"<form><h1>Welcome back</h1>{USER}<label>Password <input type=password autocomplete=new-password name=pw data-is=password></label>{GO}</form>",
    ),
    Row(
        "A2",
        "the same without a form",
        '<div class=card><h2>Sign in</h2><input placeholder="Client ID" data-is=user_id><input type=password autocomplete=new-password placeholder=Password data-is=password><button type=button data-is=press>Sign in</button></div>',
    ),
    Row(
        "A2",
        "new-password among sign-up words",
        "<form><h1>Create your account</h1><label>E-mail <input type=email name=e></label><label>Choose a password <input type=password autocomplete=new-password name=pw></label><button>Create account</button></form>",
        kind="sign-up",
    ),
    Row(
        "A2",
        "a password and a masked TOTP",
        f"<form>{USER}{PASS}<label>TOTP <input type=password maxlength=6 name=t data-is=otp></label>{GO}</form>",
    ),
]
BUTTONS = [
    Row(
        "A3",
        "the same word before and after",
        f"<form><button type=button>Continue</button>{USER}{PASS}<button type=button data-is=press>Continue</button></form>",
    ),
    Row(
        "A3",
        "one form round the page, a search first",
        f'<form action="/search"><input name=q placeholder="Search stocks"><button type=submit>Search</button><div>{USER}{PASS}<button type=button data-is=press>Login</button></div></form>',
    ),
    Row(
        "A3",
        "a third party",
        f"<form>{USER}{PASS}<button type=button>Continue with Google</button><button type=submit data-is=press>Continue</button></form>",
    ),
    Row(
        "A3",
        "a third party first",
        f"<form><button>Sign in with Apple</button><button>Sign in with Microsoft</button>{USER}{PASS}<button data-is=press>Sign in</button></form>",
    ),
    Row(
        "A3",
        "another broker's account",
        f"<form>{USER}{PASS}<button type=button>Login with Smallcase</button>{GO}</form>",
    ),
    Row(
        "A3",
        "the factor that was filled",
        f"<form>{USER}{PASS}<label>TOTP <input maxlength=6 name=totp data-is=otp></label><button type=button>Login with SMS OTP</button><button type=button data-is=press>Login with TOTP</button></form>",
    ),
    Row(
        "A3",
        "the factor that was not filled",
        f"<form>{USER}{PASS}<button type=submit>Login with OTP</button><button type=submit data-is=press>Login</button></form>",
    ),
    Row(
        "A3",
        "a passkey",
        f"<form>{USER}{PASS}<button type=submit>Sign in with a passkey</button><button type=submit data-is=press>Sign in</button></form>",
    ),
    Row(
        "A3",
        "a fingerprint after it",
        f"<form>{USER}{PASS}<button data-is=press>Log in</button><button>Log in with fingerprint</button></form>",
    ),
    Row("A3", "a QR code", f"<form><button>Login with QR</button>{USER}{PASS}{GO}</form>"),
    Row(
        "A3",
        "a reveal button right after the password",
        f"<form>{USER}{PASS}<button>Show</button><button data-is=press>Sign in</button></form>",
    ),
    Row(
        "A3",
        "clear, help and forgot",
        f'<form>{USER}{PASS}<button>Clear</button><button>Help</button><button>Forgot?</button><input type=submit value="Go" data-is=press></form>',
    ),
    Row("A3", "no button", f"<form>{USER}{PASS}</form>"),
    Row(
        "A3",
        "a button below the form",
        f'<form id=f>{USER}{PASS}</form><div><button type=button data-is=press>Login</button></div><div style="margin-top:300px"><button type=button>Open an account</button></div>',
    ),
    Row(
        "A3",
        "an arrow",
        f'<form>{USER}{PASS}<button data-is=press style="width:40px;height:40px"><svg width=20 height=20></svg></button></form>',
    ),
    Row(
        "A3",
        "upstox-like, an id first",
        "<form><h2>Sign in to your account</h2><label for=m>Mobile number or client ID</label><input id=m data-is=user_id><button id=getOtp type=button data-is=press>Continue</button><button type=button>Open a new account</button></form>",
        or_nothing=True,
    ),
    Row(
        "A3",
        "verify, and resend",
        "<form><h1>Enter TOTP</h1><label>6 digit TOTP <input maxlength=6 inputmode=numeric data-is=otp></label><button type=button>Resend</button><button type=button>Back</button><button type=button data-is=press>Verify</button></form>",
        after="password",
    ),
    Row(
        "A3",
        "Hindi",
        "<form><label>उपयोगकर्ता आईडी <input name=u data-is=user_id></label><label>पासवर्ड <input type=password name=p data-is=password></label><button type=button>पासवर्ड भूल गए?</button><button type=button data-is=press>लॉग इन करें</button></form>",
    ),
    Row(
        "A3",
        "German",
        "<form><label>Benutzername <input name=u data-is=user_id></label><label>Passwort <input type=password name=p data-is=password></label><button type=button>Passwort vergessen?</button><button type=button data-is=press>Anmelden</button></form>",
    ),
    Row(
        "A3",
        "Spanish",
        "<form><label>Usuario <input name=u data-is=user_id></label><label>Contraseña <input type=password name=p data-is=password></label><button type=button>Continuar con Google</button><button type=button>¿Olvidó su contraseña?</button><button type=button data-is=press>Iniciar sesión</button></form>",
    ),
    Row(
        "A3",
        "French",
        "<form><label>Identifiant <input name=u data-is=user_id></label><label>Mot de passe <input type=password name=p data-is=password></label><button type=button>Afficher</button><button type=button data-is=press>Se connecter</button><button type=button>Créer un compte</button></form>",
    ),
    Row(
        "A3",
        "Portuguese",
        "<form><label>Usuário <input name=u data-is=user_id></label><label>Senha <input type=password name=p data-is=password></label><button type=button>Esqueci minha senha</button><button type=button data-is=press>Entrar</button></form>",
    ),
    Row(
        "A3",
        "Russian",
        "<form><label>Логин <input name=u data-is=user_id></label><label>Пароль <input type=password name=p data-is=password></label><button type=button>Забыли пароль?</button><button type=button data-is=press>Войти</button><button type=button>Регистрация</button></form>",
    ),
    Row(
        "A3",
        "Chinese",
        "<form><label>用户名 <input name=u data-is=user_id></label><label>密码 <input type=password name=p data-is=password></label><button type=button>忘记密码</button><button type=button data-is=press>登录</button><button type=button>注册</button></form>",
    ),
    Row(
        "A3",
        "Turkish",
        "<form><label>Kullanıcı adı <input name=u data-is=user_id></label><label>Şifre <input type=password name=p data-is=password></label><button type=button>Şifremi unuttum</button><button type=button data-is=press>Giriş yap</button></form>",
    ),
]
TWICE = f'<form action="/login" method=post>{USER}{PASS}{GO}</form>'
EQUALS = [
    Row(
        "A4",
        "one form drawn twice",
        f"<div class=desktop>{TWICE}</div><div class=mobile>{TWICE}</div>",
    ),
    Row(
        "A4",
        "one form drawn twice, without labels",
        '<form action="/l"><input name=user placeholder=Username data-is=user_id><input name=pass type=password placeholder=Password data-is=password><input type=submit value="Sign in" data-is=press></form>'
        * 2,
    ),
    Row(
        "A4",
        "two texts, ids of the form's name",
        '<form id=login><input id=login_realm name="login[realm]" value="retail"><input id=login_account name="login[account]" data-is=user_id><input id=login_secret type=password name="login[secret]" data-is=password><button data-is=press>Login</button></form>',
    ),
    Row(
        "A4",
        "two equal ids, the one before the password",
        '<form><input name=username placeholder="Username"><p>or</p><input name=username2 placeholder="Username" data-is=user_id><input type=password placeholder=Password data-is=password><button data-is=press>Login</button></form>',
        or_nothing=True,
    ),
    Row(
        "A4",
        "two logins in one place without forms",
        f"<main><div>{USER}{PASS}<button type=button data-is=press>Login</button></div><div><label>Name <input name=n></label><label>E-mail <input name=e type=email></label><label>Create a password <input type=password name=np></label><button type=button>Create account</button></div></main>",
    ),
]
STRANGE = [
    Row(
        "A5",
        "sign-up",
        "<form><h1>Create your account</h1><label>Full name <input name=n></label><label>Email <input name=e type=email></label><label>Password <input name=p type=password></label><label>Confirm password <input name=p2 type=password></label><button>Sign up</button></form>",
        kind="sign-up",
    ),
    Row(
        "A5",
        "sign-up with one password",
        "<form><label>First name <input name=f></label><label>Last name <input name=l></label><label>Email <input name=e type=email></label><label>Password <input name=p type=password></label><button>Continue</button></form>",
        kind="sign-up",
    ),
    Row(
        "A5",
        "change password",
        "<form><label>Current password <input type=password name=a></label><label>New password <input type=password name=b></label><label>Confirm password <input type=password name=c></label><button>Submit</button></form>",
        kind="change password",
    ),
    Row(
        "A5",
        "change an expired password",
        "<div><h2>Your password has expired</h2><label>User ID <input name=u value=AB1234></label><label>Old password <input type=password name=a></label><label>New password <input type=password name=b></label><label>Re-enter new password <input type=password name=c></label><button>Continue</button></div>",
        kind="change password",
    ),
    Row(
        "A5",
        "reset a password",
        "<form><h1>Set a new password</h1><label>New password <input type=password name=b></label><label>Confirm new password <input type=password name=c></label><button>Continue</button></form>",
        kind="change password",
    ),
    Row(
        "A5",
        "set an MPIN",
        "<form><label>New MPIN <input type=password maxlength=4 name=b></label><label>Confirm MPIN <input type=password maxlength=4 name=c></label><button>Continue</button></form>",
    ),
    Row(
        "A5",
        "recovery",
        "<form><h1>Forgot password?</h1><label>Email <input type=email name=e></label><button>Send reset link</button></form>",
    ),
    Row(
        "A5",
        "recovery by user id and PAN",
        "<form><h1>Reset your password</h1><label>User ID <input name=u></label><label>PAN <input name=pan maxlength=10></label><button>Continue</button></form>",
    ),
    Row(
        "A5",
        "newsletter",
        '<form><p>Market news in your inbox</p><input type=email name=email placeholder="Your e-mail address"><button>Subscribe</button></form>',
    ),
    Row(
        "A5",
        "a lone e-mail box",
        '<form><h1>Invest in everything</h1><input type=email placeholder="E-mail"><button>Get started</button></form>',
    ),
    Row(
        "A5",
        "card payment",
        "<form><label>Card number <input name=n autocomplete=cc-number></label><label>Name on card <input autocomplete=cc-name></label><label>Expiry <input autocomplete=cc-exp></label><label>CVV <input type=password autocomplete=cc-csc maxlength=3></label><button>Pay</button></form>",
    ),
    Row(
        "A5",
        "card payment with a 3D password",
        '<form><input autocomplete=cc-number placeholder="Card number"><input type=password placeholder="3D Secure password" autocomplete=cc-csc><button>Continue</button></form>',
    ),
    Row(
        "A5",
        "contact",
        "<form><label>Name <input name=n></label><label>E-mail <input type=email name=e></label><label>Message <textarea name=m></textarea></label><button>Submit</button></form>",
    ),
    Row(
        "A5",
        "call me back",
        "<form><label>Mobile number <input type=tel name=m></label><button>Request a call</button></form>",
    ),
    Row(
        "A5",
        "KYC",
        "<form><h1>Verify your identity</h1><label>PAN <input name=pan maxlength=10></label><label>Date of birth <input name=dob></label><label>Aadhaar number <input name=a maxlength=12></label><button>Continue</button></form>",
    ),
    Row(
        "A5",
        "account opening by mobile",
        "<form><h1>Open a free demat account</h1><label>Mobile number <input type=tel maxlength=10 name=m></label><button>Continue</button></form>",
    ),
    Row(
        "A5",
        "account opening, the code by SMS",
        "<form><h1>Open a free demat account</h1><label>Mobile number <input type=tel maxlength=10 name=m value=9800000000></label><label>OTP <input maxlength=6 name=otp></label><p>OTP sent to your mobile</p><button>Continue</button></form>",
    ),
    Row(
        "A5",
        "a nominee",
        "<form><h1>Add a nominee</h1><label>Name of the nominee <input name=n></label><label>Relationship <input name=r></label><label>Date of birth <input name=d></label><button>Continue</button></form>",
    ),
    Row(
        "A5",
        "checkout with an account",
        "<form><label>Email <input type=email name=e></label><label>Address <input name=a></label><label>City <input name=c></label><label>Phone <input type=tel name=t></label><label>Password <input type=password name=p></label><button>Continue</button></form>",
    ),
    Row(
        "A5",
        "search alone",
        '<form><input type=search name=q placeholder="Search user id, client, fund"><button>Search</button></form>',
    ),
    Row(
        "A5",
        "feedback",
        "<form><label>User name <input name=n></label><label>Subject <input name=s></label><label>Comments <textarea></textarea></label><button>Submit</button></form>",
    ),
    Row(
        "A5",
        "sign-up in Hindi",
        "<form><h1>खाता बनाएं</h1><label>नाम <input name=name></label><label>ईमेल <input type=email name=e></label><label>पासवर्ड <input type=password name=p></label><label>पासवर्ड की पुष्टि करें <input type=password name=p2></label><button>पंजीकरण करें</button></form>",
    ),
    Row(
        "A5",
        "sign-up in German",
        "<form><h1>Konto erstellen</h1><label>Vorname <input name=vorname></label><label>Nachname <input name=nachname></label><label>E-Mail <input type=email name=e></label><label>Passwort <input type=password name=p></label><button>Registrieren</button></form>",
    ),
    Row(
        "A5",
        "change password in Spanish",
        "<form><label>Contraseña actual <input type=password name=a></label><label>Nueva contraseña <input type=password name=b></label><label>Confirmar contraseña <input type=password name=c></label><button>Guardar</button></form>",
    ),
    Row(
        "A5",
        "contact in French",
        "<form><h1>Contactez-nous</h1><label>Nom <input name=nom></label><label>Adresse e-mail <input type=email name=mail></label><label>Message <textarea></textarea></label><button>Envoyer</button></form>",
    ),
    Row(
        "A5",
        "newsletter in Portuguese",
        '<form><p>Receba nossas novidades</p><input type=email placeholder="Seu e-mail"><button>Assinar</button></form>',
    ),
    Row(
        "A5",
        "sign-up in Russian",
        "<form><h1>Регистрация</h1><label>Имя <input name=n></label><label>E-mail <input type=email name=e></label><label>Пароль <input type=password name=p></label><label>Повторите пароль <input type=password name=p2></label><button>Зарегистрироваться</button></form>",
    ),
    Row(
        "A5",
        "sign-up in Chinese",
        "<form><h1>注册</h1><label>手机号 <input type=tel name=m></label><label>密码 <input type=password name=p></label><label>确认密码 <input type=password name=p2></label><button>立即注册</button></form>",
    ),
    Row(
        "A5",
        "reset in Turkish",
        "<form><h1>Şifre sıfırlama</h1><label>Yeni şifre <input type=password name=a></label><label>Yeni şifre tekrar <input type=password name=b></label><button>Kaydet</button></form>",
    ),
]
NEWS = (
    '<form><input type=email name=email placeholder="Your e-mail"><button>Subscribe</button></form>'
)
JOIN = "<form><h2>New here?</h2><label>Name <input name=n></label><label>E-mail <input type=email name=e></label><label>Password <input type=password name=p></label><label>Confirm password <input type=password name=q></label><button>Create account</button></form>"
FORMS = [
    Row("A6", "a newsletter above", f"{NEWS}<form>{USER}{PASS}{GO}</form>"),
    Row(
        "A6",
        "a newsletter below a login without labels",
        f'<form><input name=u placeholder="Client ID" data-is=user_id><input type=password name=p data-is=password><button data-is=press>Go</button></form>{NEWS}',
    ),
    Row("A6", "a sign-up above", f"{JOIN}<form>{USER}{PASS}{GO}</form>"),
    Row("A6", "a sign-up below", f"<form>{USER}{PASS}{GO}</form>{JOIN}"),
    Row(
        "A6",
        "the state of an application",
        f"<form><label>Login ID or application number <input name=a></label><button>Track</button></form><form>{USER}{PASS}{GO}</form>",
    ),
    Row(
        "A6",
        "a search by user name",
        f'<form><input name=username_q placeholder="Search a user name"><button>Search</button></form><form>{USER}{PASS}{GO}</form>',
    ),
    Row(
        "A6",
        "an e-mail login without a password",
        f"<form><label>E-mail <input type=email name=email></label><button>Send me a login link</button></form><form>{USER}{PASS}{GO}</form>",
    ),
    Row(
        "A6",
        "open an account by mobile",
        f"<form><label>Mobile number <input type=tel name=mobile></label><button>Open account</button></form><form>{USER}{PASS}{GO}</form>",
    ),
    Row(
        "A6",
        "words against a user id",
        '<form><input name=desc placeholder="Description (optional)"><input name=code placeholder="Verification code"><button>Submit</button></form>',
    ),
    Row(
        "A6",
        "two logins that differ",
        '<form action="/retail"><label>User ID <input name=u></label><label>Password <input type=password name=p></label><button>Login</button></form><form action="/partner"><label>User ID <input name=pu></label><label>Password <input type=password name=pp></label><button>Login</button></form>',
    ),
    Row(
        "A2",
        "a date of birth right beside the password",
        "<form><label>User ID<input></label><label>Password<input type=password></label><label>DOB / PAN<input></label><button>Login</button></form>",
    ),
    Row(
        "A2",
        "two ids that differ",
        "<form><label>User ID <input></label><label>Client ID <input></label><label>Password <input type=password></label><button>Login</button></form>",
    ),
    Row(
        "A3",
        "help and guests before the login",
        "<form><label>User ID<input data-is=user_id></label><label>Password<input type=password data-is=password></label><button>Login help</button><button>Login as guest</button><button data-is=press>Login</button></form>",
    ),
    Row(
        "A5",
        "an expired password",
        "<form><h2>Your password has expired</h2><p>Choose a new one</p><label>User ID<input></label><label>Password<input type=password></label><button>Save</button></form>",
    ),
    Row(
        "A5",
        "a password alone, of nobody we know",
        "<title>Login</title><form><label>Search<input></label><label>Password<input type=password></label><button>Login</button></form>",
    ),
    Row(
        "A6",
        "a server before the password",
        "<title>Login</title><form><label>Server<input></label><label>Password<input type=password></label><button>Login</button></form>",
    ),
]
CHALLENGE = "<label>Enter the characters <input name=answer required></label>"
CAPTCHAS = [
    Row(
        "A7",
        "a picture and a box",
        f"<form>{USER}{PASS}{picture(120, 40)}{CHALLENGE}{GO}</form>",
        kind="captcha",
    ),
    Row(
        "A7",
        "a canvas and a box",
        f'<form>{USER}{PASS}<canvas width=150 height=50></canvas><input name=verify required placeholder="Type what you see">{GO}</form>',
        kind="captcha",
    ),
    Row(
        "A7",
        "a sum",
        f"<form>{USER}{PASS}<label>4 + 7 = <input name=sum required size=3></label>{GO}</form>",
        kind="captcha",
    ),
    Row(
        "A7",
        "a sum in words",
        f"<form>{USER}{PASS}<p>What is 12 + 5?</p><input name=x required>{GO}</form>",
        kind="captcha",
    ),
    Row(
        "A7",
        "a flag",
        f"<form><span>{picture(24, 16)} +91</span>{USER}{PASS}{GO}</form>",
        kind="login",
    ),
    Row("A7", "an eye", f"<form>{USER}{PASS}{picture(24, 24, 'alt=eye')}{GO}</form>", kind="login"),
    Row(
        "A7",
        "a QR code",
        f"<form>{USER}{PASS}{GO}</form><p>Scan to log in</p>{picture(160, 160, 'alt=QR')}",
        kind="login",
    ),
    Row(
        "A7",
        "an avatar",
        f"{picture(64, 64, 'alt=avatar')}<form>{USER}{PASS}{GO}</form>",
        kind="login",
    ),
    Row(
        "A7",
        "a logo above the box for the TOTP",
        f"{picture(180, 50, 'alt=Logo')}<form><label>TOTP <input name=totp required maxlength=6 data-is=otp></label><button data-is=press>Continue</button></form>",
        after="password",
    ),
    Row(
        "A7",
        "a widget that has solved itself",
        f'<form>{USER}{PASS}<div class=cf-turnstile style="width:300px;height:65px"><input type=hidden name=cf-turnstile-response value=token></div>{GO}</form>',
        kind="login",
    ),
    Row(
        "A7",
        "a link named captcha",
        f'<form>{USER}{PASS}{GO}</form><a href="#" class=captcha-help>Trouble with the captcha?</a>',
        kind="login",
    ),
]
BOX = '<input {more} style="width:34px;height:40px" data-is=otp>'
CODE = "<form><h1>Two-factor authentication</h1><p>Enter the TOTP from your authenticator app</p>{}<button data-is=press>Continue</button></form>"
HIDDEN = [
    Row(
        "A8",
        "a frame of the page's own",
        f'<h1>Broker</h1><iframe width=400 height=300 srcdoc="{TWICE.replace(chr(34), chr(39))}"></iframe>',
    ),
    Row(
        "A8",
        "a frame of another host",
        '<h1>Broker</h1><iframe width=400 height=300 src="https://id.other.example/login"></iframe>',
        names="other.example",
    ),
    Row(
        "A8",
        "a closed shadow root",
        '<broker-login style="display:block;width:300px;height:200px"></broker-login><script>document.querySelector("broker-login").attachShadow({mode: "closed"}).innerHTML = "<input name=u><input type=password><button>Login</button>"</script>',
        names="broker-login",
    ),
    Row("A8", "six boxes", CODE.format(BOX.format(more="maxlength=1") * 6), after="password"),
    Row("A8", "six boxes without a length", CODE.format(BOX.format(more="") * 6), after="password"),
    Row(
        "A8",
        "six boxes of two",
        CODE.format(BOX.format(more="maxlength=2 type=tel") * 6),
        after="password",
    ),
    Row(
        "A8",
        "one transparent box over drawn ones",
        CODE.format(
            '<div style="position:relative;width:240px;height:40px">'
            + '<span style="display:inline-block;width:34px;height:38px;border:1px solid"></span>'
            * 6
            + '<input maxlength=6 autocomplete=one-time-code style="position:absolute;inset:0;width:240px;height:40px;opacity:0" data-is=otp></div>'
        ),
        after="password",
    ),
    Row(
        "A8",
        "a decoy cut away",
        f'<form><div style="position:absolute;clip-path:inset(100%)"><input name=username><input type=password name=pw></div>{USER}{PASS}{GO}</form>',
    ),
    Row(
        "A8",
        "a decoy by clip",
        f'<form><input name=email placeholder="E-mail" style="position:absolute;clip:rect(0 0 0 0)">{USER}{PASS}{GO}</form>',
    ),
    Row(
        "A8",
        "a decoy off the screen",
        f'<form><div style="position:absolute;left:-9999px"><label>User ID <input name=fakeuser></label><input type=password name=fakepass></div>{USER}{PASS}{GO}</form>',
    ),
    Row(
        "A8",
        "a decoy of no size",
        f'<form><div style="height:0;overflow:hidden"><input name=username><input type=password name=password></div>{USER}{PASS}{GO}</form>',
    ),
    Row(
        "A8",
        "a shadow root that is open",
        '<x-login></x-login><script>document.querySelector("x-login").attachShadow({mode: "open"}).innerHTML = "<form><label>User ID <input name=u data-is=user_id></label><label>Password <input type=password data-is=password></label><button data-is=press>Login</button></form>"</script>',
    ),
]
ROWS = [*ONE_BOX, *HALF_FILLED, *BUTTONS, *EQUALS, *STRANGE, *FORMS, *CAPTCHAS, *HIDDEN]
