import java.io.File
import java.util.Base64
import org.json.JSONObject

/** Prints the ids of every text, a line each: Run CONTRACT CASES. */
fun main(arguments: Array<String>) {
    val contract = JSONObject(File(arguments[0]).readText())
    val cases = JSONObject(File(arguments[1]).readText())
    for (field in cases.keys()) {
        val tokenizer = contract.tokenizer(field)
        val given = cases.getJSONArray(field)
        for (number in 0 until given.length()) {
            val case = given.getJSONObject(number)
            val ids =
                if (case.has("text")) tokenizer.ids(case.getString("text"))
                else tokenizer.ids(Base64.getDecoder().decode(case.getString("base64")))
            println(ids.joinToString(" "))
        }
    }
}
