"""Small sets of everyday sentences in several languages: four intents, some to learn from, some to ask."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Small:
    """Texts to learn from and texts to ask, by intent; sentences are separated by " / "."""

    train: dict[str, str]
    asked: dict[str, str]

    def rows(self, which: str) -> list[tuple[str, str]]:
        """Text and label, of "train" or "asked"."""
        return [
            (text.strip(), label)
            for label, texts in getattr(self, which).items()
            for text in texts.split(" / ")
        ]


HINDI = Small(
    {
        "weather": "आज मौसम कैसा है / क्या कल बारिश होगी / दिल्ली में मौसम कैसा रहेगा / "
        "आज कितनी गर्मी है / क्या आज धूप निकलेगी / बाहर का तापमान क्या है / इस हफ्ते बारिश होगी क्या / "
        "कल मौसम ठंडा रहेगा क्या / मुंबई का तापमान बताओ",
        "alarm": "सुबह छह बजे का अलार्म लगाओ / मुझे सात बजे जगा देना / कल के लिए अलार्म लगा दो / "
        "मेरा अलार्म बंद करो / पाँच बजे का अलार्म रद्द करो / मुझे जल्दी जगाना / अलार्म आठ बजे का कर दो / "
        "सुबह जल्दी का अलार्म चाहिए / दस मिनट बाद जगाना",
        "music": "कोई गाना बजाओ / पुराने गाने सुनाओ / लता का गाना चलाओ / संगीत बंद करो / अगला गाना बजाओ / "
        "मुझे गाना सुनना है / यह गाना फिर से चलाओ / गाने की आवाज़ बढ़ाओ / कोई नया संगीत सुनाओ",
        "light": "बत्ती जला दो / कमरे की बत्ती बंद करो / रसोई की लाइट जलाओ / लाइट कम कर दो / "
        "सारी बत्तियाँ बुझा दो / बाहर की लाइट बंद कर दो / हॉल की बत्ती जलाओ / बत्ती तेज़ करो / "
        "सोने के कमरे की लाइट बुझाओ",
    },
    {
        "weather": "कल दिल्ली में बारिश होगी क्या / आज का तापमान कितना है / मौसम कैसा रहेगा",
        "alarm": "नौ बजे का अलार्म लगा दो / मुझे छह बजे जगाना / अलार्म रद्द कर दो",
        "music": "एक अच्छा गाना सुनाओ / पुराना संगीत बजाओ / यह गाना बंद करो",
        "light": "रसोई की बत्ती बुझा दो / बाहर की लाइट जला दो / कमरे की लाइट तेज़ करो",
    },
)

THAI = Small(
    {
        "weather": "วันนี้อากาศเป็นอย่างไร / พรุ่งนี้ฝนจะตกไหม / อากาศที่เชียงใหม่หนาวไหม / "
        "วันนี้ร้อนมากไหม / อุณหภูมิตอนนี้กี่องศา / เย็นนี้ฝนตกหรือเปล่า / พยากรณ์อากาศวันพรุ่งนี้ / "
        "ข้างนอกแดดแรงไหม / สุดสัปดาห์นี้อากาศดีไหม",
        "alarm": "ตั้งปลุกหกโมงเช้า / ปลุกฉันตอนเจ็ดโมง / ยกเลิกนาฬิกาปลุก / ช่วยตั้งนาฬิกาปลุกหน่อย / "
        "พรุ่งนี้ปลุกฉันตีห้า / เลื่อนนาฬิกาปลุกออกไปสิบนาที / ปิดนาฬิกาปลุก / ตั้งปลุกพรุ่งนี้เช้า / "
        "ช่วยปลุกฉันแปดโมงครึ่ง",
        "music": "เปิดเพลงหน่อย / อยากฟังเพลงเก่า / เล่นเพลงถัดไป / หยุดเพลง / ขอเพลงเพราะๆ / "
        "เปิดเพลงไทย / เพิ่มเสียงเพลง / ร้องเพลงให้ฟังหน่อย / เล่นเพลงนี้อีกครั้ง",
        "light": "เปิดไฟห้องนอน / ปิดไฟในครัว / หรี่ไฟลงหน่อย / เปิดไฟหน้าบ้าน / ปิดไฟทั้งหมด / "
        "ไฟสว่างเกินไป / เปิดไฟห้องนั่งเล่น / ช่วยปิดไฟด้วย / ทำให้ไฟสว่างขึ้น",
    },
    {
        "weather": "พรุ่งนี้อากาศร้อนไหม / วันนี้ฝนตกไหม / อุณหภูมิที่กรุงเทพกี่องศา",
        "alarm": "ปลุกฉันตอนหกโมงเช้า / ตั้งนาฬิกาปลุกเจ็ดโมง / ยกเลิกการปลุกพรุ่งนี้",
        "music": "เปิดเพลงเก่าให้ฟังหน่อย / หยุดเล่นเพลง / อยากฟังเพลงไทยเพราะๆ",
        "light": "ปิดไฟห้องนั่งเล่น / เปิดไฟในครัวหน่อย / หรี่ไฟห้องนอน",
    },
)

CHINESE = Small(
    {
        "weather": "今天天气怎么样？ / 明天会下雨吗？ / 北京现在多少度？ / 外面冷不冷？ / "
        "周末天气好吗？ / 今天要带伞吗？ / 上海明天的气温是多少？ / 这几天会下雪吗？ / 查一下天气预报",
        "alarm": "明天早上七点叫我起床 / 设一个六点的闹钟 / 取消我的闹钟 / 把闹钟改到八点 / "
        "十分钟后提醒我 / 关掉闹钟 / 早上五点半叫醒我 / 帮我定个闹钟 / 闹钟推迟十分钟",
        "music": "放一首歌 / 我想听音乐 / 播放周杰伦的歌 / 下一首 / 音乐声音大一点 / 停止播放 / "
        "放点轻松的音乐 / 再放一遍这首歌 / 唱首歌给我听",
        "light": "打开客厅的灯 / 把灯关了 / 卧室的灯调暗一点 / 开灯 / 关掉所有的灯 / 厨房的灯还亮着吗？ / "
        "把门口的灯打开 / 灯太亮了 / 帮我关灯",
    },
    {
        "weather": "明天北京天气怎么样？ / 今天会下雪吗？ / 上海现在多少度？",
        "alarm": "帮我定一个七点的闹钟 / 早上六点叫我起床 / 取消明天的闹钟",
        "music": "我想听一首歌 / 播放轻松的音乐 / 音乐声音小一点",
        "light": "把厨房的灯关了 / 打开卧室的灯 / 客厅的灯太暗了",
    },
)

JAPANESE = Small(
    {
        "weather": "今日の天気はどうですか / 明日は雨が降りますか / 東京の気温を教えて / 外は寒いですか / "
        "週末の天気予報は？ / 傘は必要ですか / 今夜は雪が降りそう？ / 明日の最高気温は何度ですか / "
        "天気を教えてください",
        "alarm": "朝七時に起こして / アラームを六時にセットして / 明日のアラームを取り消して / "
        "十分後に起こしてください / 目覚ましをかけて / アラームを止めて / 五時半に目覚ましをお願い / "
        "アラームを八時に変更して / もう少し遅く起こして",
        "music": "音楽をかけて / 何か歌を流して / 次の曲にして / 音楽を止めて / ジャズが聞きたい / "
        "この曲をもう一度 / 静かな曲を流してください / 好きな歌を再生して / 曲の音量を上げて",
        "light": "電気をつけて / 寝室の明かりを消して / 部屋を明るくして / ライトを暗くして / "
        "台所の電気を消してください / 玄関のライトをつけて / 全部の電気を消して / 明かりが暗すぎる / "
        "リビングの電気をつけて",
    },
    {
        "weather": "明日の天気を教えて / 今日は雨が降りそう？ / 外の気温は何度ですか",
        "alarm": "六時に起こしてください / アラームを七時にして / 明日の目覚ましを取り消して",
        "music": "ジャズを流して / この歌を止めて / 静かな音楽が聞きたい",
        "light": "寝室の電気をつけて / 台所のライトを消して / 明かりを暗くしてください",
    },
)

ARABIC = Small(
    {
        "weather": "كيف الطقس اليوم؟ / هل ستمطر غدا؟ / كم درجة الحرارة الآن؟ / هل الجو بارد في الخارج؟ / "
        "ما حالة الطقس في القاهرة؟ / هل أحتاج إلى مظلة اليوم؟ / كيف سيكون الجو نهاية الأسبوع؟ / "
        "أخبرني عن الطقس غدا / هل الجو حار اليوم؟",
        "alarm": "أيقظني الساعة السابعة / اضبط المنبه على السادسة / ألغ المنبه / أوقف المنبه من فضلك / "
        "أيقظني غدا في الخامسة صباحا / غير المنبه إلى الثامنة / أريد منبها للصباح / أيقظني بعد عشر دقائق / "
        "لا تنس أن توقظني غدا",
        "music": "شغل أغنية / أريد أن أسمع الموسيقى / شغل أغاني فيروز / الأغنية التالية / أوقف الموسيقى / "
        "ارفع صوت الأغنية / أعد هذه الأغنية / شغل موسيقى هادئة / أسمعني أغنية جديدة",
        "light": "أشعل الضوء / أطفئ النور في الغرفة / أطفئ كل الأضواء / أنر المطبخ / خفف الضوء قليلا / "
        "أشعل نور الصالة / الضوء قوي جدا / أطفئ ضوء المطبخ / أشعل الضوء الخارجي",
    },
    {
        "weather": "كيف الطقس في القاهرة غدا؟ / هل الجو بارد اليوم؟ / كم درجة الحرارة في الخارج؟",
        "alarm": "اضبط المنبه على السابعة / أيقظني الساعة الخامسة / ألغ منبه الصباح",
        "music": "شغل أغنية هادئة / أريد أن أسمع أغاني فيروز / أوقف هذه الأغنية",
        "light": "أشعل ضوء المطبخ / أطفئ نور الصالة / خفف الضوء في الغرفة",
    },
)

TURKISH = Small(
    {
        "weather": "Bugün hava nasıl? / Yarın yağmur yağacak mı? / İstanbul'da hava kaç derece? / "
        "Dışarısı soğuk mu? / Hafta sonu hava güzel mi? / Bugün şemsiye lazım mı? / "
        "Ankara'da kar yağıyor mu? / Yarın sıcaklık kaç derece olacak? / Hava durumunu söyle",
        "alarm": "Sabah yedide beni uyandır / Alarmı altıya kur / Alarmı iptal et / "
        "Yarın için alarm kur / On dakika sonra uyandır / Alarmı kapat / Beni erken uyandır lütfen / "
        "Alarmı sekize al / Sabah beşe bir alarm istiyorum",
        "music": "Bir şarkı çal / Müzik dinlemek istiyorum / Sezen Aksu çal / Sıradaki şarkıya geç / "
        "Müziği durdur / Şarkının sesini aç / Bu şarkıyı tekrar çal / Sakin bir müzik aç / "
        "Yeni şarkılar çal",
        "light": "Işığı aç / Salonun ışığını kapat / Bütün ışıkları söndür / Mutfak ışığını yak / "
        "Işığı biraz kıs / Yatak odasının lambasını aç / Işık çok parlak / Lambayı kapatır mısın / "
        "Dış kapının ışığını yak",
    },
    {
        "weather": "Yarın İstanbul'da hava nasıl? / BUGÜN YAĞMUR YAĞACAK MI? / Hava kaç derece?",
        "alarm": "ALARMI YEDİYE KUR / Beni sabah altıda uyandır / Yarınki alarmı iptal et",
        "music": "Sakin bir şarkı çal / MÜZİĞİ KAPAT / Bu şarkının sesini kıs",
        "light": "SALONUN IŞIĞINI YAK / Mutfağın ışığını söndür / IŞIĞI KAPAT",
    },
)

FRENCH = Small(
    {
        "weather": "Quel temps fait-il aujourd'hui ? / Est-ce qu'il va pleuvoir demain ? / "
        "Fait-il froid à l'extérieur ? / Quelle est la météo à Lyon ? / Combien de degrés fait-il ? / "
        "Y aura-t-il de l'orage ce soir ? / Est-ce qu'il neige aujourd'hui ? / "
        "La météo du week-end, s'il te plaît / J'ai besoin d'un parapluie ?",
        "alarm": "Réveille-moi à sept heures / Mets l'alarme à six heures / Annule mon réveil / "
        "Éteins l'alarme / N'oublie pas de me réveiller demain / Je voudrais un réveil à huit heures / "
        "Décale l'alarme de dix minutes / Réveille-moi plus tôt / Règle le réveil pour demain matin",
        "music": "Mets de la musique / J'ai envie d'écouter du jazz / Joue une chanson d'Édith Piaf / "
        "Arrête la musique / Chanson suivante / Monte le son de la musique / Rejoue cette chanson / "
        "Je veux écouter l'album entier / Passe-moi un air d'opéra",
        "light": "Allume la lumière / Éteins la lampe de l'entrée / Baisse la lumière du salon / "
        "Allume les lampes de la cuisine / Éteins toutes les lumières / La lumière est trop forte / "
        "Allume l'éclairage du jardin / Peux-tu éteindre la lampe ? / Éclaire l'escalier",
    },
    {
        "weather": "Quel temps fera-t-il demain à Lyon ? / "
        "Qu’est-ce que la météo dit pour aujourd’hui ? / Il va neiger ?",
        "alarm": "Mets le réveil à huit heures / Annule l’alarme de demain / Réveille-moi à six heures",
        "music": "Joue du jazz / Je voudrais écouter une chanson / Arrête cette musique",
        "light": "Éteins la lumière du salon / Allume la lampe de la cuisine / "
        "Allume l’éclairage de l’escalier",
    },
)

EMOJI = Small(
    {
        "food": "🍕🍕 / 🍔 please / hungry 🍕 / 🍣🍜 / lunch? 🥗 / 🍕🍺 tonight / i want 🍔🍟 / 🍜 now / "
        "🍰 for me",
        "party": "🎉🎉🎉 / 🥳 / happy birthday 🎂🎉 / 🎈🎉 / let's dance 💃🏽🕺🏿 / 🥳🎈 yes / "
        "💃 all night / 🎂🥳 / 🎉 at home",
        "travel": "✈️ / 🇫🇷✈️ / to 🇯🇵 by ✈️ / 🚆 to 🇩🇪 / 🏖️ soon / 🚗🏖️ / 🧳✈️🇮🇹 / 🚆🧳 / 🇪🇸🏖️",
        "family": "👨‍👩‍👧 / 👩‍👩‍👦 dinner / 👶🏼 / 👵🏻👴🏻 / 👨‍👩‍👧‍👦❤️ / call 👵🏻 / "
        "👨‍👩‍👧 at home / 👶🏼❤️ / my 👴🏻",
    },
    {
        "food": "🍕 / 🍟🍔 now / 🍜🍣 please",
        "party": "🥳🎉 / 💃🏽🎈 / 🎂",
        "travel": "✈ / 🇫🇷🏖 / 🚆✈️ to 🇮🇹",
        "family": "👶🏼👵🏻 / ❤👨‍👩‍👧 / 👴🏻",
    },
)

SETS = {
    "hindi": HINDI,
    "thai": THAI,
    "chinese": CHINESE,
    "japanese": JAPANESE,
    "arabic": ARABIC,
    "turkish": TURKISH,
    "french": FRENCH,
    "emoji": EMOJI,
}
