import java.util.BitSet

/**
 * Text to the token ids that the model takes, without any library. `TokenizerContract.kt` makes one from
 * `contract.json`; `golden.json` has texts with their ids, to prove a copy of this file.
 *
 * @param unit what a token is: `word`, `subword`, `character` or `byte`
 * @param sequenceLength how many ids there are for each text
 * @param vocabulary the tokens from id 2 on
 * @param stopWords words that are left out
 * @param codePoints the tables that the contract calls `code_points`
 */
class Tokenizer(
    private val unit: String,
    val sequenceLength: Int,
    vocabulary: List<String>,
    stopWords: List<String>,
    codePoints: CodePoints
) {
    /** Ends included: `[first, last]` in the first three; `[first, last, step, distance]` in `lower`. */
    class CodePoints(
        val noncharacters: List<IntArray>,
        val separators: List<IntArray>,
        val split: List<IntArray>,
        val lower: List<IntArray>
    )

    private val ids = HashMap<String, Int>()
    private val stopWords = HashSet(stopWords)
    private val lower = HashMap<Int, Int>()
    private val separators = bits(codePoints.separators)
    private val alone = bits(codePoints.split)

    init {
        require(unit in UNITS) {
            "A tokenizer splits text into one of $UNITS. Received the unit $unit. " +
                "Name a text field, and use the tokenizer that was exported with the model."
        }
        vocabulary.forEachIndexed { position, token -> ids[token] = FIRST + position }
        for ((first, last) in codePoints.noncharacters) for (point in first..last) lower[point] = REPLACEMENT
        for ((first, last, step, distance) in codePoints.lower) {
            for (point in first..last step step) lower[point] = point + distance
        }
    }

    /** The ids of a text: [sequenceLength] of them, zeros at the end. */
    fun ids(text: String): IntArray {
        val points = points(text).map { lower[it] ?: it }
        val known = if (unit == "byte") byteIds(points) else tokens(points).map { ids[it] ?: UNKNOWN }
        val padded = IntArray(sequenceLength) { PADDING }
        known.take(sequenceLength).forEachIndexed { position, id -> padded[position] = id }
        return padded
    }

    /** The ids of a text in UTF-8. */
    fun ids(utf8: ByteArray): IntArray = ids(decode(utf8))

    private fun tokens(lower: Sequence<Int>): Sequence<String> {
        if (unit == "character") {
            val standard = spaced(lower, BitSet()).joinToString(" ")
            return points(standard).map { string(it) }
        }
        val words = spaced(lower, alone)
        return if (unit == "word") words.filter { it !in stopWords } else words.flatMap { pieces("<$it>") }
    }

    /** The parts between spaces, once separators are spaces and some characters stand alone. */
    private fun spaced(lower: Sequence<Int>, alone: BitSet): Sequence<String> {
        val text = StringBuilder()
        for (point in lower) {
            text.append(if (separators[point]) " " else if (alone[point]) " ${string(point)} " else string(point))
        }
        return text.splitToSequence(' ').filter { it.isNotEmpty() }
    }

    private fun byteIds(lower: Sequence<Int>): Sequence<Int> {
        val bytes = lower.joinToString("") { string(it) }.toByteArray(Charsets.UTF_8)
        return bytes.asSequence().map { FIRST + (it.toInt() and 0xFF) }
    }

    private fun pieces(word: String): Sequence<String> {
        val points = points(word).toList()
        val parts = sequenceOf(3, 4, 5).flatMap { width -> points.asSequence().windowed(width) }
        return sequenceOf(word) + parts.map { part -> part.joinToString("") { string(it) } }
    }

    private companion object {
        const val PADDING = 0
        const val UNKNOWN = 1
        const val FIRST = 2
        const val REPLACEMENT = 0xFFFD
        val UNITS = listOf("word", "subword", "character", "byte")

        fun string(point: Int) = String(Character.toChars(point))

        fun bits(ranges: List<IntArray>) = BitSet().apply { for ((first, last) in ranges) set(first, last + 1) }

        /** The code points of a text; a surrogate that is alone becomes U+FFFD. */
        fun points(text: String): Sequence<Int> = sequence {
            var at = 0
            while (at < text.length) {
                val point = text.codePointAt(at)
                yield(if (point in 0xD800..0xDFFF) REPLACEMENT else point)
                at += Character.charCount(point)
            }
        }

        /** UTF-8 as all the other decoders here read it. Java's own replaces the bytes of a surrogate by one U+FFFD. */
        fun decode(utf8: ByteArray): String {
            val text = StringBuilder()
            var at = 0
            while (at < utf8.size) {
                val lead = utf8[at++].toInt() and 0xFF
                val more = when (lead) {
                    in 0xC2..0xDF -> 1
                    in 0xE0..0xEF -> 2
                    in 0xF0..0xF4 -> 3
                    else -> 0
                }
                var allowed = when (lead) {
                    0xE0 -> 0xA0..0xBF
                    0xED -> 0x80..0x9F
                    0xF0 -> 0x90..0xBF
                    0xF4 -> 0x80..0x8F
                    else -> 0x80..0xBF
                }
                var point = if (lead < 0x80) lead else if (more == 0) REPLACEMENT else lead and (0x3F shr more)
                for (number in 1..more) {
                    val next = if (at < utf8.size) utf8[at].toInt() and 0xFF else -1
                    if (next !in allowed) {
                        point = REPLACEMENT
                        break
                    }
                    point = (point shl 6) or (next and 0x3F)
                    allowed = 0x80..0xBF
                    at++
                }
                text.appendCodePoint(point)
            }
            return text.toString()
        }
    }
}
