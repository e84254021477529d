import org.json.JSONArray
import org.json.JSONObject

/**
 * The tokenizer of one text field, from `contract.json`, with the JSON parser that Android has.
 *
 *     val contract = JSONObject(assets.open("contract.json").bufferedReader().readText())
 *     val ids = contract.tokenizer("title").ids("A black cat")
 */
fun JSONObject.tokenizer(field: String): Tokenizer {
    val facts = getJSONObject("modalities").getJSONObject(field)
    val tables = getJSONObject("code_points")
    fun table(name: String) = tables.getJSONArray(name).run { List(length()) { integers(getJSONArray(it)) } }
    return Tokenizer(
        unit = facts.optString("unit"),
        sequenceLength = facts.getInt("sequence_length"),
        vocabulary = strings(facts.getJSONArray("vocabulary")),
        stopWords = strings(facts.getJSONArray("stop_words")),
        codePoints = Tokenizer.CodePoints(table("noncharacters"), table("separators"), table("split"), table("lower"))
    )
}

private fun strings(array: JSONArray): List<String> = List(array.length()) { array.getString(it) }

private fun integers(array: JSONArray): IntArray = IntArray(array.length()) { array.getInt(it) }
